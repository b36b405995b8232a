"""Programs that run as a process of their own: deploy files for pyinfra, and programs that `homeport` starts."""
