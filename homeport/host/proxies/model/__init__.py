"""What every proxy on a host shares: certificates, lines of logs."""
