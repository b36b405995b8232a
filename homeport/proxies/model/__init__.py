"""What homeport asks of a proxy: the interface, and nothing of a program."""
