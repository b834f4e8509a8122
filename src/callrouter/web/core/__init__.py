"""What the web process knows of calls: records, traces, audio, and what the running server says."""
