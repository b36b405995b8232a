"""One module per phase: an operation yields the one command that brings its difference about, or nothing."""
