"""A site's certificate: provided or by Certbot, what it says, how long it lives, what a run changes about it."""
