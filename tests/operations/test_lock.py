"""The lock's script, really run by a shell, and what a run makes of it. Two real runs at once: tests/lab."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyinfra.api import State
from pyinfra.api.exceptions import DeployError

from homeport.errors import HeldError, HomeportError
from homeport.facts.snapshot import DEPLOYS
from homeport.host.system.lock import is_held_by
from homeport.operations import lock as locking
from homeport.operations.command import script
from homeport.operations.lock import LockRequest, Locks
from homeport.pyinfra_support import outcome
from homeport.pyinfra_support.answers import MARK
from tests.pace import patience
from tests.state.builders import as_wanted, bare, make_wanted

from .scripted import ScriptedHost, make_run, phase

ALICE = {"action": "deploy", "by": "alice", "from": "laptop", "since": "2030-01-01T00:00:00Z", "ref": "main"}


@pytest.fixture(autouse=True)
def _fresh_outcome() -> Iterator[None]:
    outcome.forget()
    yield
    outcome.forget()


class LocalLock:
    """Starts the lock's script under a root of its own, by the shell that hosts have."""

    def __init__(self, root: Path):
        self.root = root
        self.started: list[subprocess.Popen[str]] = []
        (root / "etc/homeport/notes").mkdir(parents=True)
        (root / "run").mkdir()

    def start(self, *, wait: int = 0, holder: dict[str, str] = ALICE, despite: str = "") -> subprocess.Popen[str]:
        words = script("lock", "notes", str(wait), json.dumps(holder), despite).bits[2:]
        text = words[0].obj.replace("/run/", f"{self.root}/run/").replace("/etc/", f"{self.root}/etc/")
        line = ["sh", "-c", text, *(word.obj for word in words[1:])]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(line, text=True, **pipes)
        self.started.append(process)
        return process

    @property
    def file(self) -> Path:
        return self.root / "run/homeport/notes.deploy.lock"


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[LocalLock]:
    lock = LocalLock(tmp_path)
    yield lock
    for process in lock.started:
        process.kill()
        process.wait()


def kill(process: subprocess.Popen[str]) -> None:
    """Kill the shell; return when nothing that it had begun is left, which may have its descriptors for a moment."""
    process.kill()
    process.communicate(timeout=patience(10))


def marked_line(process: subprocess.Popen[str]) -> str:
    """Return the next line that the script says on purpose, without its mark."""
    assert process.stdout
    for line in process.stdout:
        if line.startswith(MARK):
            return line.removeprefix(MARK).rstrip("\n")
    return ""


def said(process: subprocess.Popen[str]) -> str:
    line = marked_line(process)
    return "locked" if line.startswith("locked\t") else line


def test_the_lock_is_taken_and_says_to_root_alone_who_has_it(lock: LocalLock) -> None:
    assert said(lock.start()) == "locked"
    assert json.loads(lock.file.read_text()) == ALICE
    assert lock.file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("end", ["its input ends", "it is killed", "another run has it"])
def test_on_the_host_it_can_be_told_whether_a_run_still_has_it(lock: LocalLock, end: str) -> None:
    assert not is_held_by(lock.file, "ours")
    run = lock.start(holder={**ALICE, "run": "ours"})
    assert said(run) == "locked"
    assert is_held_by(lock.file, "ours")
    assert not is_held_by(lock.file, "another")
    if end == "its input ends" and run.stdin:
        run.stdin.close()
        run.wait(patience(10))
    else:
        kill(run)
    if end == "another run has it":
        assert said(lock.start(holder={**ALICE, "run": "another"})) == "locked"
    elif end == "it is killed":
        assert json.loads(lock.file.read_text())["run"] == "ours"
    assert not is_held_by(lock.file, "ours")


def test_the_second_one_is_told_who_has_it_and_ends_with_4(lock: LocalLock) -> None:
    assert said(lock.start()) == "locked"
    second = lock.start(holder={**ALICE, "by": "bob"})
    word, _, detail = said(second).partition("\t")
    assert (word, json.loads(detail)) == ("held", ALICE)
    assert second.wait(patience(10)) == 4
    assert json.loads(lock.file.read_text()) == ALICE


@pytest.mark.parametrize("end", ["its input ends", "it is killed"])
def test_whoever_waits_has_it_when_the_first_one_goes(lock: LocalLock, end: str) -> None:
    first = lock.start()
    assert said(first) == "locked"
    second = lock.start(wait=60, holder={**ALICE, "by": "bob"})
    assert said(second).startswith("waiting\t")
    if end == "it is killed":
        first.kill()
    elif first.stdin:
        first.stdin.close()
    assert said(second) == "locked"
    assert json.loads(lock.file.read_text())["by"] == "bob"


def test_waiting_has_an_end(lock: LocalLock) -> None:
    assert said(lock.start()) == "locked"
    second = lock.start(wait=1)
    assert said(second).startswith("waiting\t")
    assert said(second).startswith("held\t")
    assert second.wait(patience(10)) == 4


def test_silence_frees_it(lock: LocalLock, monkeypatch: pytest.MonkeyPatch) -> None:
    text = script("lock", "", "", "", "").bits[2].obj.replace("timeout 60", "timeout 2")
    monkeypatch.setattr("homeport.operations.command._script", lambda _, **__: text)
    first = lock.start()
    assert said(first) == "locked"
    assert first.stdin
    for _ in range(6):
        first.stdin.write(".")
        first.stdin.flush()
        time.sleep(0.5)  # time is the subject: longer than the silence together, and much shorter each
        assert first.poll() is None
    assert first.wait(patience(20)) == 0
    assert said(lock.start()) == "locked"


def test_a_hold_by_hand_keeps_everybody_out_but_who_comes_despite_it(lock: LocalLock) -> None:
    hold = lock.root / "etc/homeport/notes/hold.json"
    hold.write_text('{"by": "carol", "message": "wait"}\n')
    refused = lock.start()
    assert said(refused) == 'hold\t{"by": "carol", "message": "wait"}'
    assert refused.wait(patience(10)) == 4
    assert said(lock.start(despite="despite-hold")) == "locked"


def before(process: subprocess.Popen[str]) -> str:
    """Return which deploy the one that has the lock now says was the last before."""
    assert process.stdout
    word, _, detail = marked_line(process).partition("\t")
    assert word == "locked"
    return detail


def seen(lock: LocalLock) -> str:
    """Return which deploy the snapshot says was the last."""
    text = DEPLOYS.replace("/run/", f"{lock.root}/run/")
    return subprocess.run(["sh", "-c", f"{text}\ndeploys"], capture_output=True, text=True, check=True).stdout


def end(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.close()
    assert process.wait(patience(10)) == 0


def test_the_lock_says_whether_a_deploy_was_at_work_since_the_host_was_read(lock: LocalLock) -> None:
    assert seen(lock) == ""
    end(lock.start())
    read = seen(lock)
    assert read
    nobody_since = lock.start()
    assert before(nobody_since) == read
    assert seen(lock) == ""  # one is at work
    end(nobody_since)
    assert seen(lock) not in ("", read)
    assert before(lock.start()) != read


def test_a_deploy_that_was_killed_is_no_last_one(lock: LocalLock) -> None:
    end(lock.start())
    killed = lock.start()
    assert said(killed) == "locked"
    kill(killed)
    assert seen(lock) == ""
    assert before(lock.start()) == ""


class Channel:
    """A channel to a script that says `lines`, after `noise` of its login shell."""

    status = 127

    def __init__(self, *lines: str, noise: tuple[str, ...] = ()):
        self.lines = [*noise, *(f"{MARK}{line}" for line in lines)]
        self.ended = False

    def read_line(self) -> str:
        return self.lines.pop(0) if self.lines else ""

    def send(self, data: bytes) -> None:
        assert data == b"."


Open = Callable[..., Channel | None]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Open], None]:
    """Have the hosts answer a request for the lock in a certain way."""
    return lambda opened: monkeypatch.setattr(locking, "open_channel", opened)


def request(name: str = "web1", **options: Any) -> LockRequest:
    return LockRequest(ScriptedHost({}, name=name), "notes", 5, ALICE, sudo=True, **options)  # type: ignore[arg-type]


def test_who_holds_a_host_is_said_in_one_line_with_the_status_4(answer: Callable[[Open], None]) -> None:
    answer(lambda *_, **__: Channel(f"held\t{json.dumps(ALICE)}\n"))
    locks = Locks()
    locks.ask(request())
    with pytest.raises(HeldError) as caught:
        locks.secure()
    assert str(caught.value).startswith(
        "web1: held by a deploy of alice from laptop since 2030-01-01T00:00:00Z (ref main)"
    )
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 4
    assert outcome.is_held()


def test_a_hold_by_hand_says_how_it_is_ended(answer: Callable[[Open], None]) -> None:
    answer(lambda *_, **__: Channel('hold\t{"by": "carol", "message": "wait"}\n'))
    with pytest.raises(HeldError, match=r"web1: held by hand by carol: wait; .*homeport unlock"):
        locking.take(request())


def test_waiting_is_told_with_the_one_who_is_waited_for(answer: Callable[[Open], None]) -> None:
    answer(lambda *_, **__: Channel(f"waiting\t{json.dumps(ALICE)}\n", "locked\n"))
    wish = request()
    locking.take(wish)
    [line] = wish.host.lines  # type: ignore[attr-defined]
    assert line.startswith("  waiting up to 5 s: held by a deploy of alice from laptop")


def test_a_script_that_cannot_run_is_one_line_with_its_words(answer: Callable[[Open], None]) -> None:
    answer(lambda *_, **__: Channel(noise=("welcome\n", "sh: 9: flock: not found\n")))
    with pytest.raises(HomeportError, match="web1: the deploy lock cannot be taken: sh: 9: flock: not found; see: "):
        locking.take(request())


def test_a_script_that_says_nothing_is_one_line_with_its_status(answer: Callable[[Open], None]) -> None:
    answer(lambda *_, **__: Channel())
    with pytest.raises(HomeportError, match="taken: the command ended with status 127, and printed nothing; "):
        locking.take(request())


@pytest.mark.parametrize("noise", ["held by nobody\n", "locked\n", 'hold\t{"by": "x"}\n', "\n", "größe\ufffd\n"])
def test_output_of_a_login_shell_is_no_answer_of_the_lock(answer: Callable[[Open], None], noise: str) -> None:
    answer(lambda *_, **__: Channel("locked\tr1\n", noise=(noise,)))
    assert locking.take(request()).deploys_before == "r1"


def test_all_hosts_are_locked_in_the_order_of_their_names_before_the_first_changes(
    answer: Callable[[Open], None],
) -> None:
    asked: list[str] = []

    def opened(host: Any, *_: Any, **__: Any) -> Channel:
        asked.append(host.name)
        return Channel("locked\n")

    answer(opened)
    locks = Locks()
    for name in ("web3", "web1", "web2"):
        locks.ask(request(name))
    locks.secure()
    locks.secure()
    assert asked == ["web1", "web2", "web3"]


def test_a_connector_that_has_no_such_channel_is_no_obstacle(answer: Callable[[Open], None]) -> None:
    answer(lambda *_, **__: None)
    locks = Locks()
    locks.ask(request())
    locks.secure()
    assert not outcome.is_held()


def test_a_lock_that_was_lost_stops_the_next_change(answer: Callable[[Open], None]) -> None:
    channel = Channel("locked\n")
    answer(lambda *_, **__: channel)
    run, host = make_run(bare(), bare())
    host.state.is_executing = True
    assert len(list(phase("Accounts", run))) == 1
    channel.ended = True
    with pytest.raises(DeployError, match=r"^web1: the deploy lock was lost .*; run it again$"):
        list(phase("Tools", run))


def test_the_host_is_compared_anew_once_it_is_locked(answer: Callable[[Open], None]) -> None:
    answer(lambda *_, **__: Channel("locked\n"))
    run, host = make_run(bare(), as_wanted(make_wanted()))
    host.state.is_executing = True
    assert list(phase("Accounts", run)) == []
    assert len(host.asked) == 2


@pytest.mark.parametrize(
    ("said", "minutes", "readings"), [("r1", 0, 1), ("r2", 0, 2), ("", 0, 2), ("r1", 2, 2)], ids=str
)
def test_a_host_is_not_read_anew_without_a_deploy_in_between(
    answer: Callable[[Open], None], monkeypatch: pytest.MonkeyPatch, said: str, minutes: int, readings: int
) -> None:
    answer(lambda *_, **__: Channel(f"locked\t{said}\n"))
    found = replace(bare(), deploys=said and "r1")
    run, host = make_run(found, found)
    host.state.is_executing = True
    began = time.monotonic()
    monkeypatch.setattr("homeport.operations.deploy_run.time.monotonic", lambda: began + minutes * 60)
    assert len(list(phase("Accounts", run))) == 1
    assert len(host.asked) == readings


def test_a_release_is_switched_to_for_the_lock_that_is_held_whatever_else_the_run_does(
    answer: Callable[[Open], None],
) -> None:
    opened: list[str] = []

    def channel(_: Any, command: Any, **__: Any) -> Channel:
        opened.append(command.get_raw_value())
        return Channel("locked\n")

    answer(channel)
    run, host = make_run(bare(), bare())
    host.alone()
    another, its_host = make_run(bare())
    its_host.state, its_host.connector = host.state, host.connector
    host.state.is_executing = True
    another.ask_for_lock()
    [start] = phase("Start first", run)
    [lock] = opened
    [mark] = re.findall(r"--commit (\w+)", start.get_raw_value())
    assert f'"run": "{mark}"' in lock


@pytest.mark.parametrize("executing", [False, True])
def test_a_run_that_changes_nothing_and_a_dry_run_need_no_lock(answer: Callable[[Open], None], executing: bool) -> None:
    def opened(*_: Any, **__: Any) -> Channel:
        raise AssertionError("nobody needs this lock")

    answer(opened)
    run, host = make_run(as_wanted(make_wanted()) if executing else bare())
    host.state.is_executing = executing
    assert len(list(phase("Accounts", run))) == (0 if executing else 1)


@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("error: notes: release r1: held by start of release r5 since 2030-01-01T00:00:00Z (pid 1)", True),
        ("error: notes: held by hand by carol", True),
        ("error: notes: release r1: the migration failed", False),
        ("  error: notes: held by an application that says so", False),
    ],
)
def test_a_command_that_found_a_host_held_is_told_from_one_that_failed(line: str, held: bool) -> None:
    outcome.mark_failed("web1", ["starting", line])
    assert outcome.is_held() is held


def test_a_host_that_failed_weighs_more_than_one_that_is_held() -> None:
    outcome.mark_held("web1")
    outcome.mark_failed("web2", ["error: notes: broken"])
    assert not outcome.is_held()


def test_each_run_of_pyinfra_has_locks_of_its_own() -> None:
    first, second = State(), State()
    assert locking.locks_of(first) is locking.locks_of(first)
    assert locking.locks_of(first) is not locking.locks_of(second)


def test_the_script_is_short_enough_and_names_no_payload() -> None:
    line = script("lock", "notes", "0", json.dumps(ALICE), "").get_raw_value()
    assert shlex.quote(json.dumps(ALICE)) in line
    assert SimpleNamespace(size=len(line)).size < 8192
