"""The table's history: one revision for each change of it, numbered 0001, 0002 and so on."""
