"""Look-ups by HTTP in other systems: who is responsible for a caller."""
