"""What the host tells: status, releases, logs, and what a deploy must know. Reads only."""
