"""The units of an application: what they run, whether it is well, and why it is not."""
