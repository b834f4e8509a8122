"""callrouter: an asyncio SIP back-to-back user agent and call-routing engine."""

__version__ = "0.1.0"
