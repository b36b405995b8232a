"""A process's command gets the unit's signals itself, judged by a real shell (quoting: tests/service/test_units.py)."""

import os
import subprocess
from pathlib import Path

import pytest

from homeport.rendering.filters import replace_shell
from tests.pace import until

LONE = [
    "sleep 60",
    "  sleep 60  # a comment",
    "FOO=1 sleep 60",
    """A='x y' B="z \\" w" C=\\  sleep 60""",
    "sleep 60 >/dev/null 2>&1",
    "exec sleep 60",
    "$PROGRAM 60",
    "env 'X=a; b' sleep 60",
    'sleep "60"',
    "sleep $(echo 60)",
]


@pytest.mark.parametrize("command", LONE)
def test_a_lone_command_takes_the_shells_place(command: str) -> None:
    words = ["/bin/sh", "-euc", replace_shell(command)]
    with subprocess.Popen(words, env={**os.environ, "PROGRAM": "sleep"}) as process:
        try:
            assert until(lambda: Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(b"sleep\0"))
        finally:
            process.kill()


@pytest.mark.parametrize(
    "command", ["cd / && sleep 1", "a; b", "a | b", "a &", "( a )", "a\nb", "exec a", "A=1", "echo 'open", "a>out||b"]
)
def test_a_command_of_several_parts_is_left_alone(command: str) -> None:
    assert replace_shell(command) == command


@pytest.mark.parametrize("command", ["printf %s 'a;b'", "A=1 printenv A", "echo $((1 + 2))", "echo x 2>&1", "echo a#b"])
def test_a_lone_command_does_what_it_did(command: str) -> None:
    before, after = (
        subprocess.run(["/bin/sh", "-euc", text], capture_output=True, text=True, check=True).stdout
        for text in (command, replace_shell(command))
    )
    assert after == before
