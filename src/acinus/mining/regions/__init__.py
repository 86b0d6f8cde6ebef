"""Which parts of slides are learnt from: found at low resolution, described, and chosen without labels."""
