"""The methods the proposal compares with, one file each, each a segmenter."""
