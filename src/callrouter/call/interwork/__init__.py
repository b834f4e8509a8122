"""Interworking of the legs, what of one may show on the other: headers, identity, diversion."""
