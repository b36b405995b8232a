"""homeport.steps."""
