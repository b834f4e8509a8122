"""Admission of calls: limits, digest authentication, login throttling."""
