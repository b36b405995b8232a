"""homeport.operations."""
