"""Targets of INVITEs: next hop, registered contacts, redirects, gateway feedback."""
