"""homeport.rules."""
