"""The two sides of a call as dialogs: UAS and UAC legs, their events and their inbox."""
