"""`homeport run`, `scale` and `cert`: a command in the live release, another number of workers, another certificate.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.cli.test_schema import conforms
from tests.lab.commands import homeport, settle_data
from tests.lab.project import REPOSITORY, Project, Seen, until
from tests.lab.seasoned import Seasoned
from tests.pace import patience

pytestmark = pytest.mark.lab
ON = ("lab", "--limit", "handy")
Running = subprocess.Popen[bytes]
SECRET = "hunter2-of-the-environment"


@dataclass
class Stage:
    """A machine that serves, and the project that deployed to it."""

    project: Project
    host: LabHost
    seen: Seen

    def started(self, *words: str, stdin: int = subprocess.DEVNULL, out: int = subprocess.PIPE) -> Running:
        """Begin `homeport run` with these words."""
        lab = {"HOMEPORT_LAB": str(self.project.lab.directory.path), "PYTHONPATH": str(REPOSITORY), "TERM": "xterm"}
        return subprocess.Popen(
            [sys.executable, "-m", "homeport.cli.main", "run", *ON, "--", *words],
            cwd=self.project.folder,
            env={**os.environ, **lab},
            stdin=stdin,
            stdout=out,
            stderr=out,
        )

    def run(self, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end, with `given` on its standard input."""
        with self.started(*words, stdin=subprocess.PIPE) as process:
            out, err = process.communicate(given, timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def workers(self) -> int:
        """Return how many worker processes the live slot has; a lone one is the server itself."""
        slot = self.seen.get("/health")["slot"]
        main = self.seen.property(f"hello@{slot}", "MainPID")
        return int(self.seen.shell(f"pgrep -c -P {main} -f spawn_main || true"))


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("handy")
    project = Project.create(tmp_path_factory.mktemp("handy") / "project", lab, "hello")
    settle_data(project, drain_timeout_seconds=1, watch_seconds=0, workers=1, environment={"TOKEN": SECRET})
    project.deployed(host)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_a_run_command_has_the_applications_user_code_packages_and_variables(stage: Stage) -> None:
    live = stage.seen.get("/health")
    script = (
        "id -un; pwd -P; command -v python; echo $HOMEPORT_RELEASE $TOKEN; python -c 'import main; print(main.app)'"
    )
    done = stage.run("sh", "-c", script)
    assert done.returncode == 0, done.stderr
    user, folder, python, variables, app = done.stdout.decode().splitlines()
    assert user == "hello"
    assert folder == f"/srv/hello/releases/{live['release']}"
    assert python == f"/srv/hello/slots/{live['slot']}/.venv/bin/python"
    assert variables == f"{live['release']} {SECRET}"
    assert app.startswith("<fastapi.applications.FastAPI object")


def test_a_run_command_is_in_the_sandbox_of_the_application(stage: Stage) -> None:
    done = stage.run(
        "sh", "-c", "touch /var/lib/hello/made; touch /srv/hello/x; cat /etc/shadow; ls /root; ps -e | wc -l"
    )
    errors = done.stderr.decode()
    assert "Read-only file system" in errors
    assert errors.count("Permission denied") == 2
    assert stage.seen.shell("stat -c %U /var/lib/hello/made") == "hello"
    stage.seen.shell("rm /var/lib/hello/made")
    name = "homeport-run-seen"
    with stage.started("sh", "-c", "sleep 30"):
        assert until(lambda: "homeport-run-hello" in stage.seen.shell("systemctl list-units 'homeport-run-*' --plain"))
        name = stage.seen.shell("systemctl list-units 'homeport-run-*' --plain --no-legend").split()[0]
        live = stage.seen.get("/health")["slot"]
        for one in (
            "SystemCallFilter",
            "CapabilityBoundingSet",
            "IPAddressDeny",
            "MemoryMax",
            "PrivateUsers",
            "ProtectProc",
        ):
            # Addresses and calls are sets, which systemd shows in any order.
            own, of_the_application = (
                sorted(stage.seen.property(unit, one).split()) for unit in (name, f"hello@{live}")
            )
            assert own == of_the_application, one
        stage.seen.shell(f"systemctl stop {name}")


def test_words_arrive_as_they_are_and_the_status_is_the_commands(stage: Stage) -> None:
    words = ("$HOME", "${HOME}", "%h", "it's", 'a "b"', "two  spaces", "", "-x", "--limit", "*")
    done = stage.run("python", "-c", "import sys; print(sys.argv[1:])", *words)
    assert done.stdout.decode().strip() == repr(list(words))
    assert stage.run("sh", "-c", "exit 7").returncode == 7
    missing = stage.run("no-such-program")
    assert missing.returncode == 127
    assert b"no-such-program" in missing.stderr


def test_bytes_go_in_and_both_outputs_come_back_apart(stage: Stage) -> None:
    data = os.urandom(700_000)
    done = stage.run("sh", "-c", "cat; echo done >&2", given=data)
    assert done.returncode == 0, done.stderr
    assert done.stdout == data
    assert done.stderr == b"done\n"


def test_an_interrupt_ends_the_command_on_the_host_too(stage: Stage) -> None:
    with stage.started("sleep", "3456") as process:
        assert until(lambda: stage.seen.shell("pgrep -cx sleep -U hello || true") == "1")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=patience(30)) == 130
    assert until(lambda: stage.seen.shell("pgrep -cx sleep -U hello || true") == "0")
    assert stage.seen.shell("systemctl list-units 'homeport-run-*' --no-legend --all") == ""


def test_with_a_terminal_here_there_is_one_there(stage: Stage) -> None:
    ours, theirs = pty.openpty()
    with stage.started("python", "-q", stdin=theirs, out=theirs) as process:
        os.close(theirs)
        screen = b""

        def shows(text: bytes) -> bool:
            nonlocal screen
            screen += os.read(ours, 4096) if select.select([ours], [], [], 0.1)[0] else b""
            return text in screen

        assert until(lambda: shows(b">>> "))
        os.write(ours, b"import os, sys; 'tty', sys.stdin.isatty(), os.environ['TERM']\n")
        assert until(lambda: shows(b"('tty', True, 'xterm')"))
        os.write(ours, b"import time; print('be' 'gun'); time.sleep(900)\n")
        assert until(lambda: shows(b"begun"))
        os.write(ours, b"\x03")
        assert until(lambda: shows(b"KeyboardInterrupt"))
        os.write(ours, b"sys.exit(5)\n")
        assert process.wait(timeout=patience(30)) == 5
    os.close(ours)


def test_scale_changes_the_workers_of_the_live_code_and_writes_the_number_down(stage: Stage) -> None:
    live = json.loads(homeport(stage.project, "releases", *ON, "--json").stdout)[0]["releases"][0]["commit"]
    stage.project.write("NEWS.txt", "what nobody has asked to deploy")
    assert stage.workers() == 0
    done = homeport(stage.project, "scale", "lab", "2", "--limit", "handy", "--yes")
    assert done.returncode == 0, done.stdout
    assert "not written to the group data" in done.stdout
    assert until(lambda: stage.workers() == 2)
    after = json.loads(homeport(stage.project, "releases", *ON, "--json").stdout)[0]
    assert next(one["commit"] for one in after["releases"] if one["id"] == after["live"]) == live
    place = stage.project.folder / "group_data" / "lab.py"
    assert "workers = 2" not in place.read_text()
    # The inventory of a lab of several test files has hosts of others: what is written is shown by a name that fits.
    inventory = stage.project.folder / "inventories" / "one.py"
    inventory.write_text(
        "from homeport.lab.inventory import inventory\none = [h for h in inventory() if h[0] == 'handy']\n"
    )
    (stage.project.folder / "group_data" / "one.py").write_text(place.read_text())
    done = homeport(stage.project, "scale", "one", "3", "--yes")
    assert done.returncode == 0, done.stdout
    assert "wrote workers = 3 to group_data/one.py" in done.stdout
    assert until(lambda: stage.workers() == 3)
    assert "\nworkers = 3\n" in (stage.project.folder / "group_data" / "one.py").read_text()
    again = homeport(stage.project, "scale", "one", "3", "--yes")
    assert "nothing to change" in again.stdout


def test_a_scale_that_was_not_done_writes_nothing_down(stage: Stage) -> None:
    before = (stage.project.folder / "group_data" / "one.py").read_text()
    assert homeport(stage.project, "lock", "one", "-m", "not now").returncode == 0
    done = homeport(stage.project, "scale", "one", "1", "--yes")
    assert done.returncode == 4, done.stdout
    assert "not now" in done.stdout
    assert homeport(stage.project, "unlock", "one").returncode == 0
    assert (stage.project.folder / "group_data" / "one.py").read_text() == before


def test_cert_shows_names_days_and_the_next_renewal_and_renews_when_it_is_told_to(stage: Stage) -> None:
    shown = homeport(stage.project, "cert", *ON)
    assert shown.returncode == 0, shown.stdout
    assert re.match(
        rf"handy: {re.escape(stage.host.domain)}: [\d.]+ days left, until .* renewed from .*next look in", shown.stdout
    )
    document = json.loads(homeport(stage.project, "cert", *ON, "--json").stdout)
    conforms(document, "cert")
    assert document[0]["certificate"]["served"] is True
    before = stage.seen.serial()
    assert homeport(stage.project, "cert", *ON, "--renew").returncode == 2
    done = homeport(stage.project, "cert", *ON, "--renew", "--yes")
    assert done.returncode == 0, done.stdout
    assert stage.seen.serial() != before
    assert stage.seen.answers()
