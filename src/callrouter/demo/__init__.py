"""`callrouter demo`: one call through a real server, played by phones of our own and drawn."""
