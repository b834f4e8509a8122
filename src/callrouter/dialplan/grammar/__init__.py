"""The grammar of a dialplan: its models, key by key."""
