"""homeport.host."""
