"""Caddy on a host: its reloads, its log."""
