"""How homeport's own programs get to hosts: installed there, or sent with a command and run from memory."""
