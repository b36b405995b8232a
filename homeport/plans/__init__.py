"""homeport.plans."""
