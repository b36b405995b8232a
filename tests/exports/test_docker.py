"""The units and the script that run the image with Docker: the script runs as it is, with a stand-in for `docker`."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from homeport.exports.engines import ENGINES, File
from tests.exports import installation
from tests.exports.subjects import subject
from tests.service.kept_units import CASES, PROCESSES, Case
from tests.state.builders import SECRET

DOCKER = ENGINES["docker"]
# Writes its words, one call a line; answers an inspection as a healthy engine does.
STAND_IN = """#!/bin/sh
for word; do printf '%s\\t' "$word"; done >>"$LOG"
echo >>"$LOG"
case "$*" in
*--format*Health*) echo healthy ;;
*--format*Id*) echo "${IMAGE_ID-sha256:1}" ;;
"image inspect "*) [ -z "${NO_IMAGE-}" ] ;;
*" migrate") exit "${MIGRATION-0}" ;;
esac
"""


def files(case: Case = Case()) -> dict[str, File]:  # noqa: B008
    return dict(DOCKER.files(subject(case)))


class Machine:
    """A folder in the place of /etc, /run and the path."""

    def __init__(self, folder: Path, case: Case):
        self.folder, self.log = folder, folder / "log"
        (folder / "bin").mkdir()
        (folder / "bin" / "docker").write_text(STAND_IN)
        (folder / "bin" / "docker").chmod(0o755)
        (folder / "etc" / "notes" / "secrets").mkdir(parents=True)
        (folder / "etc" / "notes" / "secrets" / "TOKEN").write_text(SECRET)
        script = re.sub(r'"(/etc|/run)/', rf'"{folder}\1/', files(case)["container"].text)
        (folder / "container").write_text(script)
        (folder / "container").chmod(0o755)

    def run(self, *words: str, **variables: str) -> tuple[int, list[list[str]], str]:
        """Return the status, what `docker` was told, and what was said."""
        self.log.write_text("")
        own = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "LOG": str(self.log), **variables}
        done = subprocess.run(
            [str(self.folder / "container"), *words], env=own, capture_output=True, text=True, check=False
        )
        calls = [line.split("\t")[:-1] for line in self.log.read_text().splitlines()]
        return done.returncode, calls, done.stderr


def run_of(calls: list[list[str]]) -> list[str]:
    [found] = [call for call in calls if call[0] == "run"]
    return found


def test_the_server_runs_closed_up_with_its_state_and_its_port_on_loopback(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Case())
    status, calls, _ = machine.run("serve")
    words = run_of(calls)
    assert status == 0
    assert words[-2:] == ["notes:latest", "serve"]
    line = shlex.join(words)
    for option in (
        "--rm --name notes --network notes --init",
        "--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges",
        "--volume notes-state:/var/lib/notes",
        "--publish 127.0.0.1:8001:8000",
        "--env HOMEPORT_MIGRATE=no --env WEB_CONCURRENCY=auto",
        "--env 'FORWARDED_ALLOW_IPS=*'",
        f"type=bind,source={tmp_path}/etc/notes/secrets/TOKEN,target=/run/secrets/TOKEN,readonly",
    ):
        assert option in line
    assert SECRET not in line
    assert ["rm", "--force", "notes"] in calls


def test_limits_and_what_the_sandbox_opens_are_options(tmp_path: Path) -> None:
    case = Case(
        {
            "memory_max_megabytes": 512,
            "cpu_max": 1.5,
            "cpu_weight": 200,
            "workers": 3,
            "sandbox_writable_paths": ["/mnt/uploads"],
            "sandbox_devices": ["/dev/nvidia0"],
        }
    )
    line = shlex.join(run_of(Machine(tmp_path, case).run("serve")[1]))
    for option in (
        "--memory 512m --memory-swap 512m",
        "--cpus 1.5",
        "--cpu-shares 2048",
        "--volume /mnt/uploads:/mnt/uploads",
        "--device /dev/nvidia0",
    ):
        assert option in line
    assert "WEB_CONCURRENCY" not in line
    assert list(DOCKER.warnings(subject(case))) == []
    assert list(DOCKER.warnings(subject())) == [
        'memory_max_megabytes: "auto" is no limit here, since the machine is not known; set a number'
    ]


def test_the_migration_runs_once_for_each_image_and_not_after_a_crash(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Case())
    assert [call[-2:] for call in machine.run("prepare")[1] if call[0] == "run"] == [["notes:latest", "migrate"]]
    assert [call for call in machine.run("prepare")[1] if call[0] == "run"] == []
    assert len([call for call in machine.run("prepare", IMAGE_ID="sha256:2")[1] if call[0] == "run"]) == 1
    failed = machine.run("prepare", IMAGE_ID="sha256:3", MIGRATION="5")
    assert failed[0] == 5
    assert len([call for call in machine.run("prepare", IMAGE_ID="sha256:3")[1] if call[0] == "run"]) == 1


def test_a_missing_image_and_a_missing_secret_are_a_line_each(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Case())
    (tmp_path / "etc" / "notes" / "tag").write_text("v2\n")
    status, _, said = machine.run("prepare", NO_IMAGE="yes")
    assert (status, said) == (2, "homeport: there is no image notes:v2 here: docker pull or docker load it\n")
    (tmp_path / "etc" / "notes" / "secrets" / "TOKEN").unlink()
    status, calls, said = machine.run("serve")
    assert status == 2
    assert said.startswith("homeport: the secret TOKEN is missing: put its value into ")
    assert not [call for call in calls if call[0] == "run"]


def test_processes_and_timers_have_containers_and_units_of_their_own(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Case(PROCESSES))
    assert run_of(machine.run("process", "worker")[1])[-3:] == ["notes:latest", "process", "worker"]
    assert "notes.worker" in run_of(machine.run("process", "worker")[1])
    assert run_of(machine.run("timer", "digest")[1])[-2:] == ["timer", "digest"]
    assert machine.run("stop", "mail", "90")[1] == [["stop", "--time", "90", "notes.mail"]]
    assert machine.run("stop")[1] == [["stop", "--time", "30", "notes"]]
    found = files(Case(PROCESSES))
    assert "OnCalendar=*-*-* 03:10" in found["notes.digest.timer"].text
    assert "PartOf=notes.service" in found["notes.worker.service"].text
    assert "Wants=notes.worker.service" in found["notes.service"].text
    assert "stop mail 90\nTimeoutStopSec=105" in found["notes.mail.service"].text
    assert "systemctl enable --quiet notes.service notes.digest.timer" in found["install.sh"].text


def test_the_unit_starts_at_boot_and_always_again_and_waits_for_health() -> None:
    unit = files()["notes.service"].text
    for line in ("WantedBy=multi-user.target", "Restart=always", "StartLimitIntervalSec=0", "TimeoutStartSec=390"):
        assert f"\n{line}\n" in unit
    assert "ExecStartPost=/usr/local/lib/notes/container wait-healthy" in unit


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_file_has_a_secret_and_each_script_is_one_that_a_shell_takes(case: Case, tmp_path: Path) -> None:
    found = files(case)
    assert SECRET not in repr(found)
    assert found == files(case)
    for name in ("container", "install.sh"):
        (tmp_path / name).write_text(found[name].text)
        done = subprocess.run(["/bin/sh", "-n", str(tmp_path / name)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_without_a_migration_none_is_run(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Case(alembic=False))
    assert [call for call in machine.run("prepare")[1] if call[0] == "run"] == []


class Installation(installation.Installation):
    """What install.sh finds and changes, in a folder in the place of /; Docker and systemd are stand-ins."""

    def __init__(self, folder: Path, case: Case):
        super().__init__(folder, files(case))
        # Another owner is for root alone to give.
        owned = 'for word; do shift; case $word in -o | -g | 10001) ;; *) set -- "$@" "$word" ;; esac; done'
        self.stand_in("install", f'{owned}; exec /usr/bin/install "$@"')
        self.stand_in("chown", ":")
        self.stand_in("docker", '[ -z "${NO_IMAGE-}" ]')
        self.stand_in("systemctl", f'echo "$*" >>{folder}/log; case $1 in restart) exit "${{START-0}}" ;; esac')

    def secret(self) -> None:
        (self.source / "secrets").mkdir()
        (self.source / "secrets" / "TOKEN").write_text(SECRET)


def test_the_installation_puts_units_script_tag_and_secrets_in_place_and_starts(tmp_path: Path) -> None:
    found = Installation(tmp_path, Case())
    found.secret()
    done = found.run("v2")
    assert (done.returncode, done.stdout) == (0, "notes is healthy at 127.0.0.1:8001\n")
    secret = tmp_path / "etc" / "notes" / "secrets" / "TOKEN"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == (SECRET, 0o400)
    assert secret.parent.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "etc" / "notes" / "tag").read_text() == "v2\n"
    lib = tmp_path / "usr" / "local" / "lib" / "notes"
    assert os.access(lib / "container", os.X_OK)
    assert (lib / "installed").read_text() == "container\nnotes.service\n"
    assert (tmp_path / "etc" / "systemd" / "system" / "notes.service").exists()
    assert (tmp_path / "log").read_text().splitlines() == [
        "daemon-reload",
        "enable --quiet notes.service",
        "restart notes.service",
    ]


def test_an_installation_without_image_or_secret_changes_no_unit_and_says_what_is_missing(tmp_path: Path) -> None:
    found = Installation(tmp_path, Case())
    done = found.run(NO_IMAGE="yes")
    assert (done.returncode, done.stderr) == (
        2,
        "error: there is no image notes:latest here: docker pull or docker load it\n",
    )
    done = found.run()
    assert done.returncode == 2
    assert done.stderr.startswith("error: the secret TOKEN is missing: put its value into ")
    assert not (tmp_path / "log").exists()
    found.stand_in("id", "echo 1000")
    assert found.run().stderr == "error: run this as root\n"


def test_an_application_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    found = Installation(tmp_path, Case())
    found.secret()
    done = found.run(START="1")
    assert done.returncode == 1
    assert "why it did not start\nerror: notes does not start; systemd goes on trying\n" in done.stderr


UNITS = "etc/systemd/system"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (f"{UNITS}/notes.service", "is there and is not from this export: move it away, or set another app_name and"),
        (f"{UNITS}/notes.digest.timer", "is there and is not from this export: "),
        ("usr/local/lib/notes/container", "is there and is not from this export: "),
        ("lib/systemd/system/notes.service", "is there and would be replaced: set another app_name and export again"),
        ("run/systemd/system/notes.worker.service", "is there and would be replaced: "),
    ],
)
def test_what_is_somebodys_own_is_not_written_over_and_nothing_is_changed(
    place: str, said: str, tmp_path: Path
) -> None:
    found = Installation(tmp_path, Case(PROCESSES))
    found.secret()
    theirs = tmp_path / place
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_text("[Unit]\nDescription=theirs\n")
    done = found.run()
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {theirs} {said}")
    assert theirs.read_text() == "[Unit]\nDescription=theirs\n"
    assert not (tmp_path / "etc" / "notes").exists()
    assert not (tmp_path / "log").exists()


def test_a_unit_that_its_owner_has_masked_stays_masked(tmp_path: Path) -> None:
    found = Installation(tmp_path, Case())
    found.secret()
    (tmp_path / UNITS / "notes.service").symlink_to("/dev/null")
    assert found.run().returncode == 2
    assert (tmp_path / UNITS / "notes.service").is_symlink()


def test_an_installation_over_an_earlier_one_replaces_it_also_with_a_template_of_ones_own(tmp_path: Path) -> None:
    found = Installation(tmp_path, Case())
    found.secret()
    unit = tmp_path / UNITS / "notes.service"
    # As the export of before had it, which kept no record.
    unit.write_text(f"{files()['notes.service'].text}# older\n")
    assert found.run().returncode == 0
    assert unit.read_text() == files()["notes.service"].text
    for text in ("[Unit]\nDescription=an override\n", "[Unit]\nDescription=another\n"):
        (found.source / "notes.service").write_text(text)
        assert found.run().returncode == 0
        assert unit.read_text() == text


def test_a_process_that_is_exported_no_longer_is_stopped_and_its_unit_removed(tmp_path: Path) -> None:
    found = Installation(tmp_path, Case(PROCESSES))
    found.secret()
    assert found.run().returncode == 0
    (tmp_path / UNITS / "other.service").write_text("")
    (found.source / "install.sh").unlink()
    text = re.sub(r'"/(?=etc|usr|run|lib)', f'"{tmp_path}/', files()["install.sh"].text)
    (found.source / "install.sh").write_text(text)
    (tmp_path / "log").unlink()
    assert found.run().returncode == 0
    assert sorted(one.name for one in (tmp_path / UNITS).iterdir()) == ["notes.service", "other.service"]
    log = (tmp_path / "log").read_text().splitlines()
    assert "disable --quiet --now notes.worker.service" in log
    assert "disable --quiet --now notes.digest.timer" in log
