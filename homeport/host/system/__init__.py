"""What everything else on a host stands on: its places, locks, files, processes, and what the program says."""
