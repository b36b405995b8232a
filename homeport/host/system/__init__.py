"""The base of everything else on a host: its places, locks, files and processes, and the program's output."""
