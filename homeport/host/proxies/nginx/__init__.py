"""Nginx on a host: its reloads, its configuration, sites of others in it."""
