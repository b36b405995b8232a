"""Deploy files for pyinfra that every project has without writing them: what the `homeport` command runs by path."""
