"""Services that calls use: media, archive, state they share, directories, records."""
