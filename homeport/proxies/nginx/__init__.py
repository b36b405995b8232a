"""Nginx: its configuration, and whose sites and default servers it has on a host."""
