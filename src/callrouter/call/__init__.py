"""The back-to-back user agent: legs, hunts and bridges as scripts on one inbox. No asyncio."""
