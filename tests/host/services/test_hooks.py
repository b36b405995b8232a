"""How a hook is run, and how its failure reads. What systemd makes of it is in tests/lab/test_hooks.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.host.services import hooks
from homeport.host.services.release_description import Health, Hook, Release
from homeport.host.system.layout import Layout

RELEASE = Release(
    "r1",
    Path("/etc/homeport/notes/releases/r1"),
    {"blue": 1, "green": 2},
    Health("/", 200, 1, 9),
    1,
    has_migration=True,
)


def line(hook: Hook) -> list[str]:
    return hooks.command_line(Layout("notes"), RELEASE, hook, "unit", {"RELEASE": "r1"})


def test_a_hook_is_one_word_to_the_shell_with_dollars_kept_from_systemd() -> None:
    words = line(Hook("echo $HOME 100% 'x  y'", "app", 60))

    assert words[-5:] == ["/usr/bin/env", "RELEASE=r1", "/bin/sh", "-euc", "echo $$HOME 100% 'x  y'"]


def test_only_roots_hooks_are_without_the_sandbox() -> None:
    by_app, by_root = (
        {word.removeprefix("--property=") for word in line(Hook("x", user, 5))} for user in ("app", "root")
    )

    assert {"User=notes", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes"} <= by_app
    assert not any(word.startswith(("User=", "Protect", "StateDirectory")) for word in by_root)
    assert {"RuntimeMaxSec=5", "WorkingDirectory=/srv/notes/releases/r1"} <= by_app & by_root
    assert "EnvironmentFile=/etc/homeport/notes/releases/r1/env" in by_app & by_root


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (
            "Finished with result: exit-code\nMain processes terminated with: code=exited/status=3\n",
            "failed (status 3)",
        ),
        (
            "Finished with result: signal\nMain processes terminated with: code=killed/status=KILL\n",
            "failed (killed by SIGKILL)",
        ),
        (
            "Finished with result: timeout\nMain processes terminated with: code=killed/status=TERM\n",
            "took longer than 1.5 s (timeout_seconds) and was stopped",
        ),
        (
            "Failed to start transient service unit: no\n",
            "could not be run (Failed to start transient service unit: no)",
        ),
    ],
)
def test_a_failure_says_how_the_hook_ended(said: str, problem: str) -> None:
    assert hooks.explain(said, 1.5) == problem
