"""What keeps a deploy from changing a host, found before it changes anything. Pure."""
