"""HTTP: the API under /api/v1, its errors, its limits and its description."""
