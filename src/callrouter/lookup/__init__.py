"""Questions to other systems by HTTP: who is responsible for a caller."""
