"""The pool of media workers, as the signalling process has it."""
