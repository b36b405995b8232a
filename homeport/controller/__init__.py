"""This machine: who runs homeport here, where its own files lie, how its processes tell each other what happens."""
