"""What is read of a host: pyinfra's facts, one command and one parser each."""
