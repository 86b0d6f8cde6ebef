"""What every room speaks: resolution and lengths, images, proposal maps, files, errors."""
