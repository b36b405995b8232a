"""A sentinel secret on a real machine: deployed, changed, rolled back, and in no place where others could find it.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab import private_index
from tests.lab.commands import settle_data
from tests.lab.project import REPOSITORY, Project, Seen
from tests.lab.seasoned import Seasoned
from tests.lab.secret_search import PAYLOAD, WATCH, Watch, files_with, forms, on_host, search, watching

pytestmark = pytest.mark.lab
LOUD = ("-y", "-vvv", "--debug", "--diff")
# Also what runs at a release's moments is given the secrets.
HOOK = 'test -n "$FIRST"; test -n "$SECOND"'
# An application that looks at files of others from within its own unit.
CURIOUS = """

@app.post("/look")
def look(paths: list[str]) -> dict[str, str]:
    found = {}
    for path in paths:
        try:
            found[path] = "".join(os.listdir(path)) if os.path.isdir(path) else open(path, "rb").read(20).hex()
        except OSError as error:
            found[path] = type(error).__name__
    return found
"""


@dataclass
class Stage:
    """A machine, a project with secrets, and all that was said meanwhile."""

    project: Project
    host: LabHost
    seen: Seen
    since: float
    values: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @property
    def needles(self) -> list[bytes]:
        return [*forms(self.values), PAYLOAD]

    def new_values(self) -> None:
        """Have new secrets: one in the encrypted file, one that the job is given."""
        first, second = (f"sentinel-{secrets.token_hex(16)}" for _ in range(2))
        self.values += [first, second]
        command = [sys.executable, "-m", "homeport.cli.main", "secrets", "set", "lab", "FIRST"]
        done = subprocess.run(
            command,
            cwd=self.project.folder,
            env={**os.environ, "HOMEPORT_LAB": str(self.project.lab.directory.path), "PYTHONPATH": str(REPOSITORY)},
            input=first,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        os.environ["SECOND"] = second

    def run(self, *options: str, status: int = 0, **data: object) -> None:
        """Run pyinfra while somebody else watches the processes of the host, and another one those of this machine."""
        here = ["runuser", "-u", "nobody", "--", "python3", "-c", WATCH]
        there = on_host(self.seen, "nobody", WATCH)
        with watching(here, self.needles) as one, watching(there, self.needles) as two:
            result = self.project.pyinfra(self.host.name, *options, **data)
        self.watches += [one, two]
        self.outputs.append(result.stdout)
        assert result.returncode == status, result.stdout

    def live(self) -> str:
        return str(self.seen.get("/health")["release"])

    def variables(self) -> dict[str, str]:
        """Return the environment of the live server's process, as the kernel has it."""
        unit = f"notes@{self.seen.get('/health')['slot']}"
        rows = self.seen.shell(f"tr '\\0' '\\n' </proc/$(systemctl show -P MainPID {unit})/environ").splitlines()
        return dict(row.split("=", 1) for row in rows if "=" in row)


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("vault")
    project = Project.create(tmp_path_factory.mktemp("vault") / "project", lab, "notes")
    settle_data(
        project,
        workers=1,
        watch_seconds=0,
        secrets_file="secrets/lab.age",
        secrets_from_environment=["SECOND"],
        hooks_before_migration=[HOOK, {"command": HOOK, "user": "root"}],
    )
    seen = Seen(lab, host)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMEPORT_AGE_KEY_FILE", str(project.folder / "age.key"))
        patch.setenv("SECOND", "")
        keygen = [sys.executable, "-m", "homeport.cli.main", "secrets", "keygen"]
        subprocess.run(keygen, cwd=REPOSITORY, check=True, capture_output=True)
        yield Stage(project, host, seen, float(seen.shell("date +%s")))
    lab.remove(host.name)


def test_without_the_jobs_variable_nothing_is_connected_to(stage: Stage) -> None:
    result = stage.project.deploy(stage.host)
    assert result.returncode == 2
    [line] = [line for line in result.stdout.splitlines() if "error" in line]
    assert "secrets_from_environment: SECOND is not set" in line


def test_secrets_reach_the_application_and_go_back_with_its_release(stage: Stage) -> None:
    stage.new_values()
    stage.run(*LOUD)
    stage.ids.append(stage.live())
    assert [stage.variables()[name] for name in ("FIRST", "SECOND")] == stage.values[:2]
    stage.new_values()
    stage.run("--dry", "--diff", "-vvv", "--debug")
    assert stage.live() == stage.ids[0]
    stage.run(*LOUD)
    stage.ids.append(stage.live())
    assert stage.ids[1] != stage.ids[0]
    assert [stage.variables()[name] for name in ("FIRST", "SECOND")] == stage.values[2:]
    stage.run(*LOUD, release="previous")
    assert stage.live() == stage.ids[0]
    assert [stage.variables()[name] for name in ("FIRST", "SECOND")] == stage.values[:2]


def test_a_release_that_fails_while_it_holds_a_secret_does_not_tell_it(stage: Stage) -> None:
    main = (stage.project.app / "main.py").read_text()
    stage.project.write("main.py", main + '\nFIRST = os.environ["FIRST"]\nraise RuntimeError("no start")\n')
    stage.run(*LOUD, status=1)
    assert "no start" in stage.outputs[-1]
    stage.project.write("main.py", main)


def test_a_private_index_is_there_for_the_installation_alone(stage: Stage) -> None:
    value = f"sentinel-{secrets.token_hex(16)}"
    stage.values.append(value)
    digest = private_index.serve(stage.seen, value)
    locked = (stage.project.app / "requirements.txt").read_text()
    stage.project.write("requirements.txt", f"{locked}vaulted==1 --hash=sha256:{digest}\n")
    settle_data(stage.project, install_secrets=["UV_INDEX"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_INDEX", private_index.url(f"wrong-{value}"))
        stage.run(*LOUD, status=1)
        assert "the dependencies cannot be installed" in stage.outputs[-1]
        patch.setenv("UV_INDEX", private_index.url(value))
        stage.run(*LOUD)
    stage.ids.append(stage.live())
    assert stage.seen.shell("ls -d /srv/notes/venvs/*/lib/python3*/site-packages/vaulted")
    assert "UV_INDEX" not in stage.variables()
    # And without it nothing is connected to.
    result = stage.project.deploy(stage.host)
    assert result.returncode == 2
    assert "install_secrets: UV_INDEX is not set" in result.stdout
    settle_data(stage.project, install_secrets=[])
    stage.project.write("requirements.txt", locked)


def test_nobody_else_saw_a_secret_while_the_runs_were_under_way(stage: Stage) -> None:
    assert [found for watch in stage.watches for found in watch.found] == []
    # They did look (a dry run is short), and what runs of ours do on a host was to be seen.
    assert all(watch.looks > 5 for watch in stage.watches)
    assert sum(watch.looks for watch in stage.watches) > 20 * len(stage.watches)
    assert all(watch.scripts for watch in stage.watches)


def test_no_run_printed_or_logged_a_secret(stage: Stage) -> None:
    for output in stage.outputs:
        assert [needle for needle in stage.needles if needle in output.encode()] == []
    assert files_with(stage.project.folder, stage.needles) == []
    assert files_with(stage.project.lab.directory.path, forms(stage.values), disks="upper") == []


def test_on_the_host_secrets_are_in_the_releases_environment_files_and_nowhere_else(stage: Stage) -> None:
    found = search(stage.seen, forms(stage.values), stage.since, ("/", "/run", "/tmp", "/dev/shm"))
    assert found["seen"] > 200
    assert {state for _, state in found["files"]} == {"root:notes 640"}
    places = {path for path, _ in found["files"]}
    assert {f"/etc/homeport/notes/releases/{release}/env" for release in stage.ids} <= places
    assert all(path.startswith("/etc/homeport/notes/releases/") and path.endswith("/env") for path in places)


def test_the_journal_has_no_secret_and_no_payload(stage: Stage) -> None:
    canary = f"canary-{secrets.token_hex(16)}"
    stage.seen.shell(f"echo {canary} | logger")
    found = search(stage.seen, forms([canary]), stage.since, ("/etc/homeport",))
    assert found["journal"] != []
    found = search(stage.seen, forms(stage.values), stage.since, ("/etc/homeport",))
    assert found["bytes"] > 10_000
    assert found["journal"] == []
    assert found["payloads"] == 0
    # sudo says what it was asked to run, so that this would be the place.
    assert "COMMAND=" in stage.seen.shell("journalctl -q --no-pager -t sudo | tail -n 200")


def places_of_notes(stage: Stage) -> list[str]:
    """Return files and folders of the application that nobody else has any business with."""
    slot = stage.seen.get("/health")["slot"]
    process = stage.seen.property(f"notes@{slot}", "MainPID")
    return [
        f"/etc/homeport/notes/slots/{slot}/env",
        f"/etc/homeport/notes/releases/{stage.ids[0]}/env",
        f"/etc/homeport/notes/releases/{stage.ids[0]}",
        f"/proc/{process}/environ",
        *stage.seen.shell("find /var/lib/notes -name '*.sqlite3' -type f").split(),
        "/var/lib/notes",
        "/etc/letsencrypt/live/notes/privkey.pem",
        stage.seen.shell("readlink -f /etc/homeport/notes/tls/privkey.pem"),
        "/etc/homeport/notes/placeholder/privkey.pem",
        f"/srv/notes/slots/{slot}/main.py",
        f"/srv/notes/releases/{stage.ids[0]}",
        "/srv/notes/venvs",
        "/var/cache/homeport/notes",
        "/var/log/nginx/access.log",
    ]


def test_another_applications_user_sees_nothing_of_this_one(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = f"other.{stage.host.domain}"
    values = {"app_name": "other", "domain": name, "port_blue": 8011, "port_green": 8012, "watch_seconds": 0}
    other = Project.create(tmp_path_factory.mktemp("other") / "project", stage.project.lab, "hello", **values)
    other.write("main.py", (other.app / "main.py").read_text() + CURIOUS)
    other.deployed(stage.host)
    private = places_of_notes(stage)
    for path in private:
        assert stage.seen.shell(f"test -r '{path}' && echo there") == "there", path
        denied = stage.seen.shell(f"runuser -u other -- test -r '{path}' || echo denied")
        assert denied == "denied", path
    answer = stage.seen.curl(
        "/look", "--fail", "-H", "Content-Type: application/json", "-d", json.dumps(private), name=name
    )
    assert answer.returncode == 0, answer.stderr
    looked = json.loads(answer.stdout)
    assert set(looked.values()) <= {"PermissionError", "FileNotFoundError"}, looked
    # Its own it can read.
    own = stage.seen.shell("runuser -u other -- cat /srv/other/slots/blue/main.py")
    assert "def look" in own
    heard = stage.seen.shell("runuser -u other -- journalctl -q --no-pager -u 'notes@*' 2>&1 || true")
    assert "Started" not in heard
    assert stage.seen.answers()
