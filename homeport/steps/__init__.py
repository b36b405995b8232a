"""What a step is given. A step is a function that makes its own part of the wanted state of settings."""
