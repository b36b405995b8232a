"""Traefik: its configuration, and which settings it does not have."""
