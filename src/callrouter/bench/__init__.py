"""The bench: the same SIPp calls through callrouter and through others, counted the same way.

`systems_under_test` knows how each is started, `sipp` makes the calls, `processes` reads what they
cost from the kernel, and `measurement` puts a measurement together.
"""
