"""Access to the machine: firewall and sshd, changed under a dead man's switch."""
