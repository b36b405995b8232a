"""The model in the middle: what is wanted, what was read, and the difference. Pure; nothing here knows a connection."""
