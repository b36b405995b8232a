"""What is there only because of pyinfra: its connection, its interpreter, its callbacks, its exit status."""
