"""Two versions of a dialplan, and the calls they decide differently."""
