"""Who may do what: people, their passwords and sessions, API tokens, the audit."""
