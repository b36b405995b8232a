"""Everyday changes: the documents name the file in which a reader should look first, and it has what changes."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
# Change; file, as the table "I want to change …" or a guide names it; what stands in it.
CHANGES = (
    ("a header of all answers", "templates/nginx/headers.conf", "add_header"),
    ("Debian 14", "machine/platform.py", "debian"),
    ("worker_connections", "nginx.conf", "worker_connections"),
    ("a dump before migrations", "host/release/starting.py", "hooks"),
    ("a finding of the doctor", "diagnosis/diagnose.py", "RULES"),
    ("another proxy", "proxies/chosen.py", "PROXIES"),
    ("a unix socket", "servers/interface.py", "class Place"),
    ("a command that removes", "removal/application.py", "def steps"),
    ("another forge", "scaffold/project_files.py", "_pipeline"),
    ("a webhook after a deploy", "cli/change_run.py", "def follow"),
    ("several application machines", "state/roles.py", "ROLES"),
    ("metrics", "report/page.py", "def "),
    ("the half hour of a release that was never made live", "host/release/starting.py", "UNCOMMITTED_SECONDS"),
    ("the wording of a lock that somebody has", "state/holder.py", "held by"),
    ("how often apt is tried again", "lists.sh", "apt_retries="),
    ("an algorithm of sshd", "templates/ssh/sshd.conf", "Algorithms"),
    ("a line of the status", "cli/status_view.py", "def "),
    ("a field of the access log", "templates/nginx/nginx.conf", "log_format"),
    ("the default of the health path", "settings/releases.py", "health_path"),
    ("a property of the units", "sandbox.conf", "NoNewPrivileges"),
)
FOLDERS = (".", "homeport", "templates/nginx", "templates/systemd", "homeport/operations/scripts")


def text(*pages: str) -> str:
    return "".join((REPOSITORY / page).read_text() for page in pages)


@pytest.mark.parametrize(("change", "file", "content"), CHANGES)
def test_the_file_of_an_everyday_change_is_named_and_has_what_changes(change: str, file: str, content: str) -> None:
    where = text("docs/architecture.md", "docs/adding.md", "docs/adding-a-proxy.md").partition("## I want to change")[2]
    assert file.removeprefix("templates/ssh/") in where or "`ssh/`" in where, change
    [path] = [path for folder in FOLDERS if (path := REPOSITORY / folder / file).is_file()]
    assert content in path.read_text(), change
