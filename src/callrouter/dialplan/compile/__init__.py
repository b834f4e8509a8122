"""Compilation of the checked models to the values of callrouter.route."""
