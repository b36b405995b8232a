"""HAProxy on a host: its reloads, its certificates, its log."""
