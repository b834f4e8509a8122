"""Databases and files that survive us: engine, migrations, records, spool, journal."""
