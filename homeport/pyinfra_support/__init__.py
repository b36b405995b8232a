"""Code that exists only because of pyinfra: its connection, its interpreter, its callbacks, its exit status."""
