"""What the tests of the whole program share: the program itself, its callers and its callees."""
