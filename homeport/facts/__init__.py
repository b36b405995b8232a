"""homeport.facts."""
