"""Registrations: of telephones with us, and of ours with carriers. Sans-IO."""
