"""Call flows: the scripts of a call, step after step."""
