"""What the templates of units are given, where a test renders them by itself."""

from __future__ import annotations

from typing import Any

from homeport.settings.sandbox import allowed_addresses

SANDBOX: dict[str, Any] = {
    "allowed_addresses": allowed_addresses("any"),
    "writable_paths": (),
    "devices": (),
    "jit": False,
    "proc": "machine",
}

# A release of the notes application.
VALUES: dict[str, Any] = {
    "app": "notes",
    "release_id": "r1",
    "server": "fastapi run",
    "entrypoint": ("main.py",),
    "server_options": (),
    "import_folders": (".homeport/packages", "src", ""),
    "workers": 2,
    "access_log": False,
    "slice": None,
    "oom_policy": "continue",
    "memory_max_megabytes": None,
    "stop_timeout_seconds": 30,
    "health": {"path": "/health", "status": 200, "successes": 2, "timeout_seconds": 60},
    "migrate_timeout_seconds": 300,
    "has_migration": True,
    "processes": ("worker",),
    "timers": ("digest",),
    "commands": None,
    "before_start": (),
    "before_start_seconds": 0,
    "kill_seconds": 10,
    **SANDBOX,
}
