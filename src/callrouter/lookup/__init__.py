"""Look-ups by HTTP in other systems: who is responsible, or which carrier it is."""
