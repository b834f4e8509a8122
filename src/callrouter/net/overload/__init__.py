"""Overload protection before a call is made of a request: rates, floods, overload."""
