"""The staging machines. Group data for all of them: group_data/staging.py."""

staging = [
    (
        "staging.example.com",
        {
            "ssh_user": "debian",
            "ssh_strict_host_key_checking": "yes",
            "ssh_known_hosts_file": "inventories/known_hosts",
        },
    ),
]
