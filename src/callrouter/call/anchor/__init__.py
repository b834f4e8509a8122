"""A party's media at a worker: the leg to it, and DTMF."""
