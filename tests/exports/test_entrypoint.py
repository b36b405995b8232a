"""The container's first program, run as it is by a shell, with stand-ins for what it starts."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from homeport.exports.engines import ENGINES, Code
from tests.exports.subjects import CODE, subject
from tests.lab.project import until
from tests.service.kept_units import BEFORE_START, PROCESSES, Case

SHELL = "/bin/sh"


class Image:
    """A folder in which the entry point runs; what it starts writes its name and words into `log`."""

    def __init__(self, folder: Path, case: Case, code: Code = CODE):
        self.folder, self.log = folder, folder / "log"
        self.state = folder / "state"
        self.state.mkdir()
        files = ENGINES["container"].files(subject(case, code))
        for path, file in files.items():
            if path.startswith(".container/"):
                place = folder / ".homeport" / path.removeprefix(".container/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(file.text.replace("/app/.homeport", str(folder / ".homeport")))
                place.chmod(0o755)
        for name in ("alembic", "fastapi", "uvicorn"):
            self.stand_in(name, f'echo "{name} $*" >>"{self.log}"')

    def stand_in(self, name: str, script: str) -> None:
        (self.folder / "bin").mkdir(exist_ok=True)
        (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / "bin" / name).chmod(0o755)

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        own = {"PATH": path, "STATE_DIRECTORY": str(self.state), "TOKEN": "t", **variables}
        command = [SHELL, str(self.folder / ".homeport" / "entrypoint"), *words]
        # The script calls itself by its name.
        return subprocess.Popen(
            command, env=own, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *words: str, **variables: str) -> tuple[int, str]:
        """Return status and output; what was started is in `said`."""
        process = self.start(*words, **variables)
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    @property
    def said(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


def image(folder: Path, case: Case = Case()) -> Image:  # noqa: B008
    return Image(folder, case)


def test_the_server_starts_after_the_migration_with_the_port_and_one_worker(tmp_path: Path) -> None:
    found = image(tmp_path)
    assert found.run() == (0, "")
    assert found.said == [
        "alembic upgrade head",
        "fastapi run main.py --host 0.0.0.0 --port 8000 --workers 1 --proxy-headers",
    ]


def test_port_and_number_of_workers_are_obeyed_and_the_migration_is_left_to_others(tmp_path: Path) -> None:
    found = image(tmp_path)
    assert found.run("serve", PORT="9000", WEB_CONCURRENCY="3", HOMEPORT_MIGRATE="no")[0] == 0
    assert found.said == ["fastapi run main.py --host 0.0.0.0 --port 9000 --workers 3 --proxy-headers"]


def test_workers_by_what_there_is_are_as_many_as_processors_at_most(tmp_path: Path) -> None:
    found = image(tmp_path)
    found.stand_in("nproc", "echo 2")
    assert found.run(WEB_CONCURRENCY="auto")[0] == 0
    [workers] = [line.split()[-2] for line in found.said if line.startswith("fastapi")]
    assert workers in ("1", "2")
    found.stand_in("nproc", "echo 1")
    assert found.run(WEB_CONCURRENCY="auto")[0] == 0
    assert found.said[-1].split()[-2] == "1"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PORT": "http"}, "homeport: PORT is not a port number: http"),
        ({"WEB_CONCURRENCY": "0"}, "homeport: WEB_CONCURRENCY is neither a number of workers nor auto: 0"),
        ({"WEB_CONCURRENCY": "many"}, "homeport: WEB_CONCURRENCY is neither a number of workers nor auto: many"),
    ],
)
def test_a_wrong_variable_is_one_line_and_status_2(tmp_path: Path, variables: dict[str, str], said: str) -> None:
    found = image(tmp_path, Case(alembic=False))
    assert found.run(**variables) == (2, f"{said}\n")
    assert found.said == []


def test_a_secret_comes_as_a_variable_or_as_a_file_and_a_missing_one_is_named(tmp_path: Path) -> None:
    found = image(tmp_path, Case(alembic=False))
    found.stand_in("fastapi", f'printf "%s|" "$TOKEN" >>"{found.log}"')
    (tmp_path / "token").write_text("one\n\ntwo $x `y` \"'\n")
    assert found.run(TOKEN_FILE=str(tmp_path / "token"), TOKEN="")[0] == 0
    process = subprocess.run(
        [SHELL, str(tmp_path / ".homeport" / "entrypoint")],
        env={"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "TOKEN_FILE": str(tmp_path / "token")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    # A variable counts more, also an empty one; the line break at the end of a file is the editor's.
    assert found.log.read_text() == "|one\n\ntwo $x `y` \"'|"
    gone = {"PATH": os.environ["PATH"]}
    command = [SHELL, str(tmp_path / ".homeport" / "entrypoint")]
    missing = subprocess.run(command, env=gone, capture_output=True, text=True, check=False)
    assert missing.returncode == 2
    assert missing.stderr == (
        "homeport: the secret TOKEN is missing: give it as a variable, or as the file /run/secrets/TOKEN\n"
    )


def test_a_migration_that_fails_keeps_the_server_from_starting(tmp_path: Path) -> None:
    found = image(tmp_path)
    found.stand_in("alembic", "echo 'no such table' >&2; exit 3")
    assert found.run() == (3, "no such table\nhomeport: the migration failed (status 3)\n")
    assert found.said == []


def test_a_migration_that_takes_too_long_is_stopped_and_its_setting_named(tmp_path: Path) -> None:
    found = image(tmp_path, Case({"migrate_timeout_seconds": 1}))
    found.stand_in("alembic", "sleep 100")
    status, said = found.run("migrate")
    assert status == 124
    assert "the migration took longer than 1 s (migrate_timeout_seconds) and was stopped" in said


def test_commands_of_the_users_own_migrate_in_their_order_and_the_first_failure_ends_them(tmp_path: Path) -> None:
    case = Case({"migrate_command": ["echo 'it is' >>log", "false", "echo never >>log"]}, alembic=False)
    found = image(tmp_path, case)
    assert found.run("migrate")[0] == 1
    assert found.said == ["it is"]


def test_two_containers_migrate_one_after_the_other(tmp_path: Path) -> None:
    found = image(tmp_path)
    found.stand_in(
        "alembic", f'echo begin >>"{found.log}"; until [ -e go ]; do sleep 0.1; done; echo end >>"{found.log}"'
    )
    one = found.start("migrate")
    assert until(lambda: found.said == ["begin"], 30)
    other = found.start("migrate")
    waiting = ["pgrep", "--full", "--count", f"^flock {found.state}"]
    assert until(lambda: subprocess.run(waiting, capture_output=True, check=False).stdout == b"2\n", 60)
    assert found.said == ["begin"]
    (tmp_path / "go").touch()
    assert (one.wait(60), other.wait(60)) == (0, 0)
    assert found.said == ["begin", "end", "begin", "end"]


def test_a_stop_during_the_migration_ends_it_at_once(tmp_path: Path) -> None:
    found = image(tmp_path)
    found.stand_in("alembic", f'echo begin >>"{found.log}"; exec sleep 1000')
    process = found.start()
    assert until(lambda: found.said == ["begin"], 30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert found.said == ["begin"]
    # What it started holds the pipe of its output until it has ended.
    assert process.communicate(timeout=60)[0] in ("", "Terminated\n")


def test_the_server_takes_the_place_of_the_script_and_so_gets_its_signals(tmp_path: Path) -> None:
    found = image(tmp_path, Case(alembic=False))
    found.stand_in(
        "fastapi", f'trap "echo ended >>{found.log}; exit 0" TERM; echo $$ >>"{found.log}"; while :; do sleep 0.1; done'
    )
    process = found.start()
    assert until(lambda: bool(found.said), 30)
    assert found.said == [str(process.pid)]
    process.terminate()
    assert process.wait(60) == 0
    assert found.said[-1] == "ended"


def test_the_steps_before_the_start_come_after_the_migration_and_one_that_fails_ends_it(tmp_path: Path) -> None:
    case = Case({"before_start": ['echo "$HOMEPORT_PROCESS" >>log', "false"]})
    found = image(tmp_path, case)
    status, said = found.run()
    assert status == 1
    assert "homeport: before_start: false failed (status 1)" in said
    assert found.said == ["alembic upgrade head", "server"]


def test_processes_timers_and_other_commands_run_from_the_same_image(tmp_path: Path) -> None:
    found = image(tmp_path, Case({"processes": {"worker": "fastapi worker"}, "timers": PROCESSES["timers"]}))
    assert found.run("process", "worker")[0] == 0
    assert found.said == ["fastapi worker"]
    assert found.run("timer", "digest", HOME="/home/x") == (0, "100% /home/x\n")
    assert found.run("printf", "%s", "a b") == (0, "a b")
    assert found.run("process", "other") == (2, "homeport: there is no process other\n")
    assert found.run("timer") == (2, "homeport: there is no timer \n")


@pytest.mark.parametrize("case", [Case(), Case({**PROCESSES, "before_start": BEFORE_START}), Case(alembic=False)])
def test_the_script_is_one_that_a_posix_shell_takes(tmp_path: Path, case: Case) -> None:
    found = image(tmp_path, case)
    done = subprocess.run(
        [SHELL, "-n", str(found.folder / ".homeport" / "entrypoint")], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


WRITES = replace(CODE, state_folders=("pages", "a b/up loads"), state_files=("app.db", "seen.txt"))


def test_what_it_writes_to_beside_itself_is_in_the_state_directory_as_the_code_brings_it_once(tmp_path: Path) -> None:
    found = Image(tmp_path, Case(alembic=False), WRITES)
    brought = tmp_path / ".homeport" / "state"
    (brought / "pages").mkdir(parents=True)
    (brought / "pages" / "first.html").write_text("of the code")
    (brought / "seen.txt").write_text("of the code")
    assert found.run() == (0, "")
    assert (found.state / "pages" / "first.html").read_text() == "of the code"
    assert (found.state / "seen.txt").read_text() == "of the code"
    assert (found.state / "a b" / "up loads").is_dir()
    assert not (found.state / "app.db").exists()
    (found.state / "seen.txt").write_text("written since")
    (found.state / "pages" / "first.html").unlink()
    (brought / "pages" / "second.html").write_text("of a later release")
    assert found.run() == (0, "")
    assert (found.state / "seen.txt").read_text() == "written since"
    assert list((found.state / "pages").iterdir()) == []
    assert sorted(one.name for one in found.state.iterdir()) == ["a b", "pages", "seen.txt"]
