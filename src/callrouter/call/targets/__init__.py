"""Where an INVITE goes: next hop, registered contacts, redirects, gateway feedback."""
