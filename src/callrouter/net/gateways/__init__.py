"""Gateways watched: OPTIONS pings, DNS."""
