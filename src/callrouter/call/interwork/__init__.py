"""What of one leg may show on the other: headers, identity, diversion."""
