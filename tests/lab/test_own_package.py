"""A project that is a package: src, commands, Alembic, a factory and uvicorn, on a Python that the host has not.

Its code is found by all that runs beside the server, and what root prepares does not keep the application's user out.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator

import pytest

from homeport.lab import Lab, images
from homeport.lab.ssh import command_line
from tests.lab.commands import homeport, settle_data
from tests.lab.project import UV, Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
# Debian 12's own, put where uv finds those that it has brought: none can be loaded here.
MANAGED = "cpython-3.11.2-linux-x86_64-gnu"
PYPROJECT = """
[project]
name = "parcel-service"
version = "3.1"
requires-python = ">=3.11,<3.13"
dependencies = ["fastapi", "uvicorn", "alembic", "sqlalchemy"]

[project.optional-dependencies]
colour = ["colorama"]

[project.scripts]
parcel = "parcel.cli:main"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
FILES = {
    "pyproject.toml": PYPROJECT,
    "src/parcel/__init__.py": "from importlib.metadata import version\n__version__ = version('parcel-service')\n",
    "src/parcel/web.py": """
import sys
from fastapi import FastAPI, Request
from parcel import __version__

def create():
    app = FastAPI()

    @app.get("/health")
    def health(request: Request):
        return {"version": __version__, "python": sys.version_info[:2], "client": request.client.host}

    return app
""",
    "src/parcel/cli.py": """
import os, sys, time
from parcel import __version__

def main():
    word = sys.argv[1]
    with open(f"{os.environ['STATE_DIRECTORY']}/{word}", "a") as note:
        note.write(f"{__version__} {sys.argv[0]}\\n")
    print(__version__, __file__)
    if word == "work":
        time.sleep(86400)
""",
    "src/parcel/tick.py": "import sys\nsys.argv[1:] = ['tick']\nfrom parcel.cli import main\nmain()\n",
    # Without prepend_sys_path, as in FastAPI's own template.
    "alembic.ini": "[alembic]\nscript_location = migrations\n",
    "migrations/env.py": """
import os
from alembic import context
from sqlalchemy import create_engine
from parcel import __version__

with create_engine(f"sqlite:///{os.environ['STATE_DIRECTORY']}/db.sqlite3").connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
print("migrated by", __version__)
""",
    "migrations/versions/1.py": "revision = '1'\ndown_revision = None\ndef upgrade(): pass\n",
}
SETTINGS = {
    "app_entrypoint": "parcel.web:create()",
    "server": "uvicorn",
    "worker_timeout_seconds": 60,
    "workers": 2,
    "python_version": "3.11",
    "dependency_extras": ["colour"],
    "processes": {"worker": "parcel work"},
    "timers": {"tick": {"command": "python -m parcel.tick", "schedule": "*:*:0/5"}},
    "hooks_before_migration": ["parcel hook"],
    "watch_seconds": 1,
}


@pytest.fixture(scope="module")
def parcel(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[tuple[Project, Seen]]:
    host = seasoned.add("parcels", "trixie")
    project = Project.create(tmp_path_factory.mktemp("parcels") / "project", lab, "hello", app_name="parcel")
    for old in project.git("ls-files").splitlines():
        (project.app / old).unlink()
    files = {
        **FILES,
        "src/parcel/tick.py": "import sys\nsys.argv[1:] = ['tick']\nfrom parcel.cli import main\nmain()\n",
    }
    for path, text in files.items():
        (project.app / path).parent.mkdir(parents=True, exist_ok=True)
        (project.app / path).write_text(text)
    subprocess.run([str(UV), "lock", "--quiet"], cwd=project.app, check=True)
    project.commit("lock")
    settle_data(project, **SETTINGS)
    _put_python(lab, host)
    yield project, Seen(lab, host)
    lab.remove(host.name)


def _put_python(lab: Lab, host: object) -> None:
    packed = io.BytesIO()
    image = images.base_image("bookworm")
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(image / "usr/bin/python3.11", "bin/python3.11")
        tar.add(image / "usr/lib/python3.11", "lib/python3.11", filter=_without_tests)
    place = f"/usr/local/lib/homeport/python/{MANAGED}"
    receive = f"sudo sh -c 'mkdir -p {place} && tar -xzf - -C {place} && ln -s python3.11 {place}/bin/python3'"
    words = [*command_line(lab.directory, host, "-o", "BatchMode=yes"), "--", receive]  # type: ignore[arg-type]
    subprocess.run(words, input=packed.getvalue(), check=True)


def _without_tests(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "/__pycache__" in member.name or "/test/" in member.name else member


def test_processes_find_the_projects_own_package(parcel: tuple[Project, Seen]) -> None:
    project, seen = parcel
    output = project.deployed(seen.host)
    assert "making Python 3.11 available" in output
    found = seen.get("/health")
    assert (found["version"], found["python"]) == ("3.1", [3, 11])
    assert found["client"] not in ("127.0.0.1", None)
    state = "/var/lib/parcel"
    assert "/.homeport/bin/parcel" in seen.shell(f"cat {state}/work")
    assert seen.shell(f"cat {state}/hook").startswith("3.1 ")
    assert until(lambda: bool(seen.shell(f"cat {state}/tick 2>/dev/null || true")), 60)
    assert "migrated by 3.1" in seen.shell("cat /etc/homeport/parcel/releases/*/migration.log")
    assert "--factory" in seen.shell("ps -eo args")
    assert "--timeout-worker-healthcheck 60" in seen.shell("ps -eo args")
    assert seen.shell("ls -d /srv/parcel/venvs/*/lib/python3.11/site-packages/colorama")


def test_a_command_by_hand_finds_it_and_cannot_change_it(parcel: tuple[Project, Seen]) -> None:
    project, seen = parcel
    done = homeport(project, "run", "lab", "--limit", seen.host.name, "--", "parcel", "hand")
    assert done.returncode == 0, done.stdout
    release = seen.shell("readlink -f /srv/parcel/slots/blue")
    assert f"3.1 {release}/src/parcel/cli.py" in done.stdout
    assert seen.shell(f"find {release} ! -user root -o -perm -o+w ! -type l") == ""


def test_no_root_file_lies_where_the_applications_user_writes(parcel: tuple[Project, Seen]) -> None:
    _, seen = parcel
    assert seen.shell("find /var/cache/homeport/parcel ! -user parcel -print -quit") == ""
    assert seen.shell(f"stat -c %U /usr/local/lib/homeport/python/{MANAGED}") == "root"


def test_another_version_of_the_project_is_another_release_with_the_same_environment(
    parcel: tuple[Project, Seen],
) -> None:
    project, seen = parcel
    before = seen.shell("ls /srv/parcel/venvs")
    # What an older homeport has left: root's files in the cache of the user, whom uv then fails for.
    seen.shell("install -d -m 700 /var/cache/homeport/parcel/uv/by-root")
    project.replace("pyproject.toml", 'version = "3.1"', 'version = "3.2"')
    project.deployed(seen.host)
    assert seen.get("/health")["version"] == "3.2"
    assert seen.shell("ls /srv/parcel/venvs") == before
    told = homeport(project, "doctor", "lab", "--limit", seen.host.name, "--json")
    assert [one["problem"] for one in json.loads(told.stdout)[0]["findings"] if one["severity"] == "trouble"] == []


def test_a_cache_that_root_has_left_does_not_keep_the_user_from_installing(parcel: tuple[Project, Seen]) -> None:
    project, seen = parcel
    settle_data(project, dependency_extras=[])
    project.deployed(seen.host)
    assert seen.shell("find /var/cache/homeport/parcel ! -user parcel -print -quit") == ""
