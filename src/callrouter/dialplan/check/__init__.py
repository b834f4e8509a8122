"""Checks of what holds between the parts of a dialplan: references, nesting."""
