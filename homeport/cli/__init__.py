"""The `homeport` command, a module a command. Thin: other processes do the work, which it starts and shows."""
