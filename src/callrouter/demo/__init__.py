"""`callrouter demo`: calls through a real server by phones of our own, drawn or in its console."""
