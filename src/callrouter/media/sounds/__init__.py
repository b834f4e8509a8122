"""Prompts and sound files: read, rendered, kept."""
