"""Releases of other kinds than the sample's: uv.lock, a bare pyproject.toml, a module as entry point, secrets."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator

import pytest

from homeport.lab import Lab
from tests.lab.project import UV, Project, Seen
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
APPLICATION = """
import os
from fastapi import FastAPI

application = FastAPI()

@application.get("/health")
def health() -> dict[str, str | None]:
    return {"greeting": os.environ.get("GREETING"), "secret": os.environ.get("TOKEN", "")[:4]}
"""
PROJECT_FILE = """
[project]
name = "greeter"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["fastapi", "fastapi-cli", "uvicorn"]
"""


@pytest.fixture(scope="module")
def greeter(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[tuple[Project, Seen]]:
    """An application in a package, locked with uv, and a machine for it."""
    host = seasoned.add("kinds")
    folder = tmp_path_factory.mktemp("kinds") / "project"
    project = Project.create(
        folder, lab, "hello", app_name="greeter", workers=1, app_entrypoint="greeter.web:application"
    )
    for old in project.git("ls-files").splitlines():
        (project.app / old).unlink()
    for path, text in (("greeter/__init__.py", ""), ("greeter/web.py", APPLICATION), ("pyproject.toml", PROJECT_FILE)):
        project.write(path, text)
    subprocess.run([str(UV), "lock", "--quiet"], cwd=project.app, check=True)
    project.commit("lock")
    (project.folder / "group_data" / "lab.py").write_text('environment = {"GREETING": "100% \\"good\\" $day"}\n')
    yield project, Seen(lab, host)
    lab.remove(host.name)


def environment(seen: Seen) -> str:
    """Return the virtual environment that the live release uses."""
    slot = "green" if seen.inside.file("/etc/homeport/greeter/live-green").exists else "blue"
    return seen.shell(f"readlink -f /srv/greeter/slots/{slot}/.venv")


def test_a_uv_lock_and_a_module_as_entry_point(greeter: tuple[Project, Seen]) -> None:
    project, seen = greeter
    project.deployed(seen.host)
    assert seen.get("/health")["greeting"] == '100% "good" $day'
    assert "fastapi run greeter/web.py --app application" in seen.shell("ps -eo args")


def test_the_code_and_the_environment_belong_to_root(greeter: tuple[Project, Seen]) -> None:
    _, seen = greeter
    assert seen.shell(f"find /srv/greeter {environment(seen)} ! -user root -print -quit") == ""
    assert seen.shell("find /srv/greeter -perm -o+w ! -type l -print -quit") == ""


def test_a_new_release_with_the_same_lock_shares_the_environment(greeter: tuple[Project, Seen]) -> None:
    project, seen = greeter
    before = environment(seen)
    project.write("NEWS.txt", "more")
    output = project.deployed(seen.host, access_log=True)
    assert "install environment" not in output
    assert environment(seen) == before


def test_the_server_logs_requests_as_well_where_that_is_asked_for(greeter: tuple[Project, Seen]) -> None:
    _, seen = greeter
    seen.get("/health?who=me")
    assert "/health?who=me" in seen.shell("journalctl --no-pager -u 'greeter@*'")


def test_a_secret_reaches_the_application_and_nothing_else(greeter: tuple[Project, Seen]) -> None:
    project, seen = greeter
    token = f"tok-{secrets.token_hex(16)}"
    (project.folder / "app.secrets.env").write_text(f"TOKEN='{token}'\n")
    data = {"secrets_file": "app.secrets.env"}
    plan = project.pyinfra(seen.host.name, "--dry", "--diff", "-vvv", "--debug", **data)
    run = project.pyinfra(seen.host.name, "-y", "-vvv", "--debug", **data)
    assert (plan.returncode, run.returncode) == (0, 0), run.stdout
    assert token not in plan.stdout + run.stdout
    assert seen.get("/health")["secret"] == "tok-"
    folder = seen.shell("dirname $(grep -rl TOKEN /etc/homeport/greeter/releases/*/env)")
    assert seen.shell(f"stat -c '%a %U %G' {folder}/env") == "640 root greeter"
    assert token not in seen.shell("journalctl --no-pager")
    # The pattern comes on standard input: sudo writes command lines to the journal.
    places = "/etc /srv /var /usr/local /run /tmp /opt"
    as_nobody = seen.lab.run(seen.host, f"sudo runuser -u nobody -- grep -rslF -f - {places}", stdin=f"{token}\n")
    assert (as_nobody.returncode, as_nobody.stdout) in ((1, ""), (2, ""))
    as_root = seen.lab.run(seen.host, f"sudo grep -rslF -f - {places}", stdin=f"{token}\n")
    assert as_root.stdout.split() == [f"{folder}/env"]


def test_a_pyproject_without_a_lock_is_installed_and_said_to_be_unpinned(greeter: tuple[Project, Seen]) -> None:
    project, seen = greeter
    before = environment(seen)
    (project.app / "uv.lock").unlink()
    project.commit("no lock")
    output = project.deployed(seen.host)
    assert "not pinned" in output
    assert environment(seen) != before
    assert seen.get("/health")["greeting"]
