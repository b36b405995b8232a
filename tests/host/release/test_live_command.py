"""A person's command gets what the live slot's unit has, and nothing that is about a server."""

from __future__ import annotations

from homeport.host.release.live_command import properties

UNIT = """# /etc/systemd/system/notes@blue.service
[Unit]
Description=notes (%i slot)
StartLimitBurst=12

[Service]
Type=exec
# A comment=with a sign
User=notes
WorkingDirectory=/srv/notes/slots/%i
CapabilityBoundingSet=
Environment=A=100%% B=two \\
  C=three
ExecStart=/srv/notes/slots/%i/.venv/bin/fastapi run
ExecStartPost=/bin/true
ExecCondition=/bin/true
TimeoutStartSec=75
Restart=always
RestartSec=500ms
KillMode=mixed
OOMPolicy=continue
MemoryMax=500M
SystemCallFilter=@system-service
SystemCallFilter=~@privileged

[Install]
WantedBy=multi-user.target

# /etc/systemd/system/notes@blue.service.d/mine.conf
[Service]
LimitNOFILE=99
ExecStartPre=/bin/false
"""


def test_a_run_command_has_user_variables_sandbox_and_limits_of_the_unit() -> None:
    assert list(properties(UNIT, "blue")) == [
        "User=notes",
        "WorkingDirectory=/srv/notes/slots/blue",
        "CapabilityBoundingSet=",
        "Environment=A=100% B=two    C=three",
        "MemoryMax=500M",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged",
        "LimitNOFILE=99",
    ]
