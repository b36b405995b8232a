"""The commands of the host program: parsed options in, exit status out."""
