"""What the program says, and that it goes on when nobody listens."""

import os
import subprocess
import sys

import pytest

from homeport.host.system.output import HostError, complain

TALK = """
import sys, time
from homeport.host.system.output import outlive_the_listener, say
outlive_the_listener()
say("first")
time.sleep(0.5)
for number in range(100):
    say("line " + "x" * 2000)
open(sys.argv[1], "w").write("finished")
"""


def test_the_program_finishes_when_its_reader_is_gone(tmp_path: os.PathLike[str]) -> None:
    done = os.path.join(tmp_path, "done")  # noqa: PTH118
    with subprocess.Popen([sys.executable, "-c", TALK, done], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as talker:
        assert talker.stdout
        assert talker.stderr
        assert talker.stdout.readline() == b"first\n"
        talker.stdout.close()
        complaints = talker.stderr.read()

    assert talker.returncode == 0
    assert complaints == b""
    assert os.path.exists(done)  # noqa: PTH110


def test_the_program_ignores_a_hang_up() -> None:
    program = (
        "import os, signal; from homeport.host.system.output import outlive_the_listener; "
        "outlive_the_listener(); os.kill(os.getpid(), 1)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_error_is_one_line_with_its_details_below(capsys: pytest.CaptureFixture[str]) -> None:
    complain(HostError("the migration\nfailed", ("line 1", "line 2")), "notes: release r1")

    assert capsys.readouterr().out == "error: notes: release r1: the migration failed\n  line 1\n  line 2\n"
