"""homeport.state."""
