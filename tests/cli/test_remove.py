"""What `homeport remove` shows and asks, made of events."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from homeport.cli.main import cli
from homeport.cli.progress import Progress
from homeport.cli.remove import document, table

from .test_schema import conforms

EVENTS: list[dict[str, Any]] = [
    {"event": "host", "host": "web1", "state": "connected"},
    {"event": "note", "host": "web1", "kind": "kept", "what": "/var/lib/note", "reason": "data; --data removes it"},
    {"event": "note", "host": "web1", "kind": "lost", "what": "/etc/nginx/nginx.conf", "reason": "no copy was kept"},
    {"event": "run", "host": "web1", "action": "remove", "app": "note"},
    {"event": "step", "host": "web1", "step": "Application", "state": "planned"},
    {"event": "change", "host": "web1", "planned": True, "action": "remove", "what": "/srv/note", "reason": "code"},
    {"event": "error", "host": "web2", "line": "web2: no connection: it is off"},
]


@pytest.fixture
def progress() -> Progress:
    progress = Progress()
    for event in EVENTS:
        list(progress.take(event, 0.0))
    return progress


def test_the_plan_has_what_goes_what_stays_and_what_is_lost(progress: Progress) -> None:
    assert list(table(progress)) == [
        "web1: note",
        "  Application",
        "    remove /srv/note (code)",
        "  kept",
        "    /var/lib/note (data; --data removes it)",
        "  cannot be restored",
        "    /etc/nginx/nginx.conf (no copy was kept)",
    ]


def test_the_json_is_as_published(progress: Progress) -> None:
    told = [document(host) for host in progress.hosts.values()]
    conforms(told, "remove")
    assert told[1] == {"host": "web2", "error": "no connection: it is off"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--json"], "--json: it prints what would be removed, and removes nothing; add --dry"),
        ([], "--yes: there is no terminal to ask for confirmation"),
    ],
)
def test_a_removal_is_refused_without_a_terminal_and_json_without_a_plan(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "inventories").mkdir()
    (tmp_path / "inventories" / "production.py").write_text("")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["remove", "production", *words])
    assert done.exit_code == 2
    assert said in done.stderr
