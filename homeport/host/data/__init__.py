"""The application's data: its migrations, and their rehearsal on a copy."""
