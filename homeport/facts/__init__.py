"""pyinfra's facts that read a host: one command and one parser each."""
