"""The production machines: a name for each, and how to reach it. Their group data: group_data/production.py."""

production = [
    (
        "web1.example.com",
        {
            "ssh_user": "debian",
            "ssh_strict_host_key_checking": "yes",
            "ssh_known_hosts_file": "inventories/known_hosts",
        },
    ),
]
