"""Stage 1, proposal mining: unlabelled images in, proposal maps out."""
