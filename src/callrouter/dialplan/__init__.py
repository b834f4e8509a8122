"""Dialplans: from the YAML that ops write to the compiled one that `route` decides with."""
