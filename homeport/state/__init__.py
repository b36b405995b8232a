"""Plain data: what is wanted of a host, what was read of it, where things are there. Nothing knows a connection."""
