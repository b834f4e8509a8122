"""What holds between the parts of a dialplan: references, nesting."""
