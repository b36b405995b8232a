"""The reports of a host: status, releases, logs, and the data for a deploy. Reads only."""
