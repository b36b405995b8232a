"""What a release runs: its units, its variables, its workers, its description."""
