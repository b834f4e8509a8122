"""A media worker: the process with PJSIP in it."""
