"""The proxy: its reloads, the application's site and certificate, maintenance, its logs."""
