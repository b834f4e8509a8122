"""Mails to the owners of accounts: what became of their balance."""
