"""Pages of the console, made on the server."""
