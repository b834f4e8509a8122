"""What calls share with each other: lines, turns, blocks, overrides, presence; kept on disk."""
