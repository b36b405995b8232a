"""What a release runs: its `Service`, the servers, what renders it, its variables, its description and id."""
