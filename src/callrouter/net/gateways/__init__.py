"""Monitoring of gateways: OPTIONS pings, DNS."""
