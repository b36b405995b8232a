"""homeport.settings."""
