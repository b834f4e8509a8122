"""`python -m callrouter`."""

from callrouter.cli import main

main()
