"""Which calls are let in: limits, digest authentication, login throttling."""
