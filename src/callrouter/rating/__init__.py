"""Rating: what a call costs by a rate plan; pure, and exact decimals."""
