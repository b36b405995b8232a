"""The units that podman's generator reads, and the script that installs them, with stand-ins for podman and systemd.

The generator itself reads them where podman 5 is there; in the lab, on a machine with Debian 13, always
(tests/lab/test_export_quadlet.py).
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from homeport.exports.engines import ENGINES, File
from tests.exports import installation
from tests.exports.subjects import subject
from tests.service.kept_units import CASES, PROCESSES, Case
from tests.state.builders import SECRET

QUADLET = ENGINES["quadlet"]
GENERATOR = Path(os.environ.get("QUADLET_GENERATOR", "/usr/libexec/podman/quadlet"))


def files(case: Case = Case()) -> dict[str, File]:  # noqa: B008
    return dict(QUADLET.files(subject(case)))


def lines(name: str, case: Case = Case()) -> list[str]:  # noqa: B008
    return files(case)[name].text.splitlines()


@pytest.mark.parametrize("name", ["notes.container", "notes-migrate.container", "notes.worker.container"])
def test_each_container_is_closed_up_and_keeps_its_state_in_the_volume(name: str) -> None:
    case = Case({**PROCESSES, "memory_max_megabytes": 512, "cpu_max": 1.5, "cpu_weight": 300})
    found = lines(name, case)
    for line in (
        "ReadOnly=true",
        "DropCapability=all",
        "NoNewPrivileges=true",
        "Network=notes.network",
        "Volume=notes.volume:/var/lib/notes",
        "Secret=notes-TOKEN,type=mount,target=/run/secrets/TOKEN,uid=10001,gid=10001,mode=0400",
        "PodmanArgs=--memory=512m --memory-swap=512m",
        "PodmanArgs=--cpus=1.5",
        "PodmanArgs=--cpu-shares=3072",
        "Environment=HOMEPORT_MIGRATE=no",
        "Pull=never",
    ):
        assert line in found
    assert list(QUADLET.warnings(subject(case))) == []


def test_the_server_is_on_loopback_waits_for_the_migration_and_for_health_and_starts_at_boot() -> None:
    found = lines("notes.container", Case({"stop_timeout_seconds": 40}))
    for line in (
        "Wants=notes-migrate.service",
        "After=notes-migrate.service",
        "ExecStartPre=/usr/bin/systemctl is-active --quiet notes-migrate.service",
        "PublishPort=127.0.0.1:8001:8000",
        "HealthCmd=python -I -S /app/.homeport/health.py",
        "Notify=healthy",
        "StopTimeout=40",
        "TimeoutStopSec=55",
        "Restart=always",
        "StartLimitIntervalSec=0",
        "WantedBy=multi-user.target",
    ):
        assert line in found
    # Another run of it would take a server with it that requires it.
    assert not [line for line in found if line.startswith("Requires=")]


def test_the_migration_runs_to_its_end_and_counts_until_the_next_release() -> None:
    found = lines("notes-migrate.container")
    for line in ("Type=oneshot", "RemainAfterExit=yes", "Exec=migrate", "Before=notes.service"):
        assert line in found
    without = files(Case(alembic=False))
    assert "notes-migrate.container" not in without
    assert "migrate" not in without["notes.container"].text
    assert "notes-migrate" not in without["install.sh"].text


def test_processes_come_and_go_with_the_server_and_timers_are_systemds() -> None:
    found = files(Case(PROCESSES))
    assert sorted(name for name in found if "." in name.strip(".")) == [
        "install.sh",
        "notes-migrate.container",
        "notes.container",
        "notes.digest.container",
        "notes.digest.timer",
        "notes.mail.container",
        "notes.network",
        "notes.volume",
        "notes.worker.container",
    ]
    assert "\nPartOf=notes.service\n" in found["notes.mail.container"].text
    assert "\nStopTimeout=90\n" in found["notes.mail.container"].text
    assert "\nWants=notes.mail.service\n" in found["notes.container"].text
    assert "\nOnCalendar=*-*-* 03:10\n" in found["notes.digest.timer"].text
    assert "\nExec=timer digest\n" in found["notes.digest.container"].text


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_file_has_a_secret_all_are_the_same_again_and_a_shell_takes_the_script(case: Case, tmp_path: Path) -> None:
    found = files(case)
    assert SECRET not in repr(found)
    assert found == files(case)
    assert all("Written by homeport" in file.text for name, file in found.items() if not name.startswith(".git"))
    (tmp_path / "install.sh").write_text(found["install.sh"].text)
    done = subprocess.run(["/bin/sh", "-n", str(tmp_path / "install.sh")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def generated(folder: Path) -> subprocess.CompletedProcess[str]:
    """Have podman's generator read the units of a folder, as at boot, and print what it makes of them."""
    own = {**os.environ, "QUADLET_UNIT_DIRS": str(folder)}
    return subprocess.run([str(GENERATOR), "-dryrun"], env=own, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not GENERATOR.exists(), reason="no podman 5 is here")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_podmans_generator_takes_every_unit(case: Case, tmp_path: Path) -> None:
    found = files(case)
    for name, file in found.items():
        (tmp_path / name).write_text(file.text)
    done = generated(tmp_path)
    assert done.returncode == 0, done.stderr
    services = re.findall(r"^---(\S+)---$", done.stdout, re.MULTILINE)
    containers = [name.removesuffix("container") + "service" for name in found if name.endswith(".container")]
    assert sorted(services) == sorted([*containers, "notes-network.service", "notes-volume.service"])
    assert "-v notes-state:/var/lib/notes" in done.stdout
    (tmp_path / "notes.container").write_text(found["notes.container"].text.replace("HealthCmd=", "HealthCommand="))
    assert generated(tmp_path).returncode == 1


class Installation(installation.Installation):
    """What install.sh finds and changes, in a folder in the place of /; podman and systemd are stand-ins."""

    def __init__(self, folder: Path, case: Case = Case()):  # noqa: B008
        super().__init__(folder, files(case))
        answers = 'version) echo "${PODMAN-5.4.2}" ;; image) [ -z "${NO_IMAGE-}" ] ;; secret) [ -z "${NO_SECRET-}" ] ;;'
        self.stand_in("podman", f'echo "podman $*" >>{folder}/log; case $1 in {answers} esac')
        fails = 'case "$*" in "${FAILS-}") [ -e FAILED ] || { : >FAILED; exit 1; } ;; esac'.replace(
            "FAILED", f"{folder}/failed"
        )
        self.stand_in("systemctl", f'echo "$*" >>{folder}/log; {fails}')

    def log(self) -> list[str]:
        """Return what was asked of podman and systemd since the last look."""
        path = self.folder / "log"
        text = path.read_text() if path.exists() else ""
        path.unlink(missing_ok=True)
        return text.splitlines()

    def release(self) -> str:
        return (self.folder / "etc" / "notes" / "release").read_text()


def test_an_installation_puts_the_units_and_secrets_in_place_migrates_and_starts(tmp_path: Path) -> None:
    found = Installation(tmp_path, Case(PROCESSES))
    (found.source / "secrets").mkdir()
    (found.source / "secrets" / "TOKEN").write_text(SECRET)
    done = found.run("v2")
    assert (done.returncode, done.stdout) == (0, "notes is healthy at 127.0.0.1:8001\n")
    assert found.release() == "TAG=:v2\n"
    log = found.log()
    assert f"podman secret create --replace notes-TOKEN {found.source}/secrets/TOKEN" in log
    assert [line for line in log if not line.startswith("podman")] == [
        "daemon-reload",
        "cat notes.service",
        "restart notes-migrate.service",
        "restart notes.service",
        "enable --quiet notes.digest.timer",
        "restart notes.digest.timer",
    ]
    units = tmp_path / "etc" / "containers" / "systemd"
    assert sorted(one.name for one in units.iterdir()) == [
        "notes-migrate.container",
        "notes.container",
        "notes.digest.container",
        "notes.mail.container",
        "notes.network",
        "notes.volume",
        "notes.worker.container",
    ]
    assert (tmp_path / "etc" / "systemd" / "system" / "notes.digest.timer").exists()
    assert found.run("sha256:00").returncode == 0
    assert found.release() == "TAG=@sha256:00\n"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PODMAN": "4.3.1"}, "podman 4.3.1 is too old, these units need 5: Debian 13 has it; on Debian 12 use "),
        ({"NO_IMAGE": "yes"}, "there is no image notes:v2 here: podman pull or podman load it"),
        ({"NO_SECRET": "yes"}, "the secret TOKEN is missing: podman secret create notes-TOKEN FILE"),
    ],
)
def test_what_is_missing_is_a_line_and_nothing_is_changed(variables: dict[str, str], said: str, tmp_path: Path) -> None:
    found = Installation(tmp_path)
    done = found.run("v2", **variables)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {said}")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "etc" / "containers").exists()
    assert not (tmp_path / "etc" / "notes").exists()
    assert "daemon-reload" not in found.log()


@pytest.mark.parametrize(
    ("unit", "said", "restarts"),
    [
        ("notes-migrate", "error: the migration failed; notes:v1 serves\n", 1),
        ("notes", "error: notes:v2 does not become healthy; notes:v1 serves\n", 3),
    ],
)
def test_a_release_that_fails_gives_the_one_before_back(unit: str, said: str, restarts: int, tmp_path: Path) -> None:
    found = Installation(tmp_path)
    assert found.run("v1").returncode == 0
    found.log()
    done = found.run("v2", FAILS=f"restart {unit}.service")
    assert done.returncode == 1
    assert done.stderr.endswith(said)
    assert "why it did not start\n" in done.stderr
    assert found.release() == "TAG=:v1\n"
    assert len([line for line in found.log() if line.startswith("restart ")]) == restarts


def test_a_first_release_that_fails_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    done = Installation(tmp_path).run("v1", FAILS="restart notes.service")
    assert done.returncode == 1
    assert done.stderr.endswith("error: notes:v1 does not become healthy; there is nothing before it to go back to\n")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("etc/containers/systemd/notes.container", "is there and is not from this export: move it away, or set "),
        ("etc/systemd/system/notes.digest.timer", "is there and is not from this export: "),
        ("etc/systemd/system/notes.service", "is there and hides the unit of this name: "),
        ("usr/lib/systemd/system/notes-migrate.service", "is there and hides the unit of this name: "),
    ],
)
def test_what_is_somebodys_own_is_not_written_over_and_nothing_is_changed(
    place: str, said: str, tmp_path: Path
) -> None:
    found = Installation(tmp_path, Case(PROCESSES))
    theirs = tmp_path / place
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_text("[Unit]\nDescription=theirs\n")
    done = found.run()
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {theirs} {said}")
    assert theirs.read_text() == "[Unit]\nDescription=theirs\n"
    assert not (tmp_path / "etc" / "notes").exists()


def test_a_process_that_is_exported_no_longer_is_stopped_and_removed(tmp_path: Path) -> None:
    found = Installation(tmp_path, Case(PROCESSES))
    assert found.run().returncode == 0
    text = re.sub(r'"/(?=etc|usr|run|lib)', f'"{tmp_path}/', files()["install.sh"].text)
    (found.source / "install.sh").write_text(text)
    found.log()
    assert found.run().returncode == 0
    log = found.log()
    assert "stop notes.worker.service" in log
    assert "disable --quiet --now notes.digest.timer" in log
    left = {one.name for one in (tmp_path / "etc" / "containers" / "systemd").iterdir()}
    assert left == {"notes.container", "notes-migrate.container", "notes.network", "notes.volume"}
    assert not (tmp_path / "etc" / "systemd" / "system" / "notes.digest.timer").exists()
