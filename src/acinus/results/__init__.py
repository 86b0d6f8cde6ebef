"""The folder of results: every file name, one record for each image, label maps and tables."""
