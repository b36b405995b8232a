"""homeport.lab."""
