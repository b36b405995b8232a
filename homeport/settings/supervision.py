"""Which process managers there are, and what one of them does not have; a part of `homeport.settings.model`. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

SupervisorName = Literal["systemd", "supervisor"]


def unsupervised(
    supervisor: str,
    *,
    timers: Collection[str],
    state_paths: Collection[str],
    oom_policy: str,
    sandbox_proc: str,
) -> str:
    """Return which of the settings the process manager cannot keep; "" when it keeps all of them."""
    if supervisor == "systemd":
        return ""
    refused = (
        ("timers", bool(timers), "supervisord starts nothing at certain times"),
        ("state_paths", bool(state_paths), "they are mounts, and supervisord makes none"),
        ("oom_policy", oom_policy != "continue", "supervisord does not see why a process was killed"),
        ("sandbox_proc", sandbox_proc == "own", "supervisord hides no processes"),
    )
    for name, is_set, why in refused:
        if is_set:
            return f'supervisor = "supervisor" does not have {name}: {why}; leave it out, or set supervisor = "systemd"'
    return ""
