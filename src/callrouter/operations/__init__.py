"""What ops can do with a running callrouter, and the reload of its dialplan."""
