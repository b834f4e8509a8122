"""From the YAML that ops write to the compiled dialplan that `route` decides with."""
