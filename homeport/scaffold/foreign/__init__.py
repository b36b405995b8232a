"""What files of other tools say about how an application runs: Docker, Compose, Kamal, Procfile, systemd, Supervisor.

They are read for `homeport init`, and nothing of them is run. No value of a secret leaves this package.
"""
