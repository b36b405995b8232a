"""What runs in a process of its own: deploy files that pyinfra is given by path, programs that `homeport` starts."""
