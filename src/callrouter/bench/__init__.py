"""The bench: the same SIPp calls through callrouter and through others, counted the same way.

`subjects` knows how each system under test is started, `sipp` makes the calls, `processes` reads
what they cost from the kernel, and `measure` puts a measurement together.
"""
