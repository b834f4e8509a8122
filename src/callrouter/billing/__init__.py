"""Billing: accounts, and the invoices of a month; pure, and exact decimals."""
