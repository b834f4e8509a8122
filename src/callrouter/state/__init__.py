"""What calls share with each other: counts, turns, blocks, overrides, presence; and its copy on disk."""
