"""What else brings a machine to the same state: plain pyinfra, Ansible, Ansible with Mitogen, as their users do it."""
