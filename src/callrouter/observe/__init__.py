"""Call records, metrics and logs: they read what calls report and never answer back."""
