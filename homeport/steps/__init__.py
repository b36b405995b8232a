"""One module per concern: settings in, the part of the wanted state that it answers for out. Pure."""
