"""What calls ask of others: media, archive, state they share, directories, records."""
