"""Traefik on the machine: what it has read, its reload, its log."""
