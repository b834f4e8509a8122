"""What may be written in a dialplan: its models, key by key."""
