"""The SIP trace: raw messages as they are kept, and one call's as ladder, text or capture."""
