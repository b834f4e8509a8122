"""Who is turned away before a call is made of it: rates, floods, overload."""
