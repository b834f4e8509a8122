"""Names of areas, and the files of number lists."""
