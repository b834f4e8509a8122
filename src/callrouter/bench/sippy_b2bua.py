"""Sippy's own simple B2BUA with one worker thread, run as a script in a process of its own.

It has no option for the number of workers, and with more than one it loses 2 % of the calls. Its
arguments are those of sippy's b2bua_simple.
"""

import importlib

if __name__ == "__main__":
    importlib.import_module("sippy.Udp_server").Udp_server_opts.nworkers = 1
    importlib.import_module("sippy.b2bua_simple").main_func()
