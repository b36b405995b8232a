"""One module per phase: an operation yields the one command that removes its difference, or nothing."""
