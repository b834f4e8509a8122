"""State that calls share: lines, turns, blocks, overrides, presence; kept on disk."""
