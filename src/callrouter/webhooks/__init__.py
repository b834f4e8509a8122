"""Webhooks: others are told what happens, event by event, as the outbox has it."""
