"""What the templates of units are given, where a test renders them by itself."""

from __future__ import annotations

from typing import Any

from homeport.rendering.filters import systemd_quote
from homeport.servers import SERVERS, Place, ServerChoice, Serving
from homeport.settings.sandbox import allowed_addresses

SAMPLE = ServerChoice()
SANDBOX: dict[str, Any] = {
    "allowed_addresses": allowed_addresses("any"),
    "writable_paths": (),
    "state_folders": (),
    "devices": (),
    "jit": False,
    "proc": "machine",
}

# A release of the notes application.
VALUES: dict[str, Any] = {
    "app": "notes",
    "release_id": "r1",
    "server": "fastapi run",
    "command_line": "fastapi run main.py --host 127.0.0.1 --port ${HOMEPORT_PORT} --workers 2 --proxy-headers",
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


def values(choice: ServerChoice = SAMPLE, **changes: Any) -> dict[str, Any]:
    """Return these values with changes, and with the command that follows from them."""
    given = VALUES | changes
    serving = Serving(choice, given["entrypoint"], given["workers"])
    words = SERVERS[choice.name].command(serving, Place("127.0.0.1", "PORT", "FILES"))
    line = " ".join(map(systemd_quote, words)).replace("PORT", "${HOMEPORT_PORT}")
    return {**given, "command_line": line}
