"""Migrations of the table: one revision for each change of it, numbered 0001, 0002 and so on."""
