"""Call detail records as rows."""
