"""One run at a time."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from homeport.host.system.lock import describe_holder, held
from homeport.host.system.output import LockedError

HOLD = """
import sys, time
from pathlib import Path
from homeport.host.system.lock import held
with held(Path(sys.argv[1]), {"action": "start", "release": "r1"}, 0):
    print("held", flush=True)
    time.sleep(60)
"""
ME = {"action": "commit", "release": "r2"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runtime" / "notes.lock"


def holder(path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    return process


def test_the_second_one_is_told_who_holds_it(path: Path) -> None:
    with holder(path) as other:
        with pytest.raises(LockedError, match=rf"held by start of release r1 since .*Z \(pid {other.pid}\)") as caught:
            held(path, ME, 0).__enter__()
        other.kill()

    assert caught.value.exit_status == 4


def test_the_kernel_frees_it_when_its_holder_is_killed(path: Path) -> None:
    with holder(path) as other:
        other.kill()
    with held(path, ME, 0):
        pass


def test_a_lock_is_waited_for_until_the_time_is_over(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with holder(path) as other:
        began = time.monotonic()
        with pytest.raises(LockedError):
            held(path, ME, 0.5).__enter__()
        assert time.monotonic() - began >= 0.5
        other.kill()

    assert "waiting up to 0 s for start of release r1" in capsys.readouterr().out


def test_a_lock_file_is_roots_alone(path: Path) -> None:
    with held(path, ME, 0):
        assert path.stat().st_mode & 0o777 == 0o600
        assert str(os.getpid()) in path.read_text()
    assert path.read_text() == ""


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"pid": 1}', b"\xff\xfe"])
def test_a_damaged_note_is_no_obstacle(raw: bytes) -> None:
    assert describe_holder(raw) == "another run"


def test_a_removed_lock_file_locks_nothing(path: Path) -> None:
    with holder(path) as other, ThreadPoolExecutor() as threads:
        waiting = held(path, ME, 60)
        entered = threads.submit(waiting.__enter__)
        path.unlink()
        other.kill()
        entered.result(timeout=60)
        # What we hold is what whoever comes next looks at.
        with pytest.raises(LockedError, match="held by commit of release r2"):
            held(path, ME, 0).__enter__()
        waiting.__exit__(None, None, None)
