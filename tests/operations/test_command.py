from __future__ import annotations

import base64
import io
import shlex
import shutil
import subprocess
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyinfra.connectors.util import CommandOutput, OutputLine

from homeport.operations import command
from homeport.pyinfra_support.answers import NOBODY_TO_ASK
from homeport.state.wanted import File
from tests.pace import patience

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20) | st.sampled_from(
    (
        "",
        " ",
        "'",
        '"',
        "\\",
        "$HOME",
        "$(id)",
        "`id`",
        "a b",
        "-n",
        "*",
        "~",
        "\n",
        "\n\n",
        "!",
        "#",
        ";",
        "&",
        "{}",
        "\t",
    )
)

# Prints its arguments, each with its length in front, so that nothing can be mistaken.
SHOW = 'for word in "$@"; do printf "%s\\0" "$word"; done'


def run(line: str, stdin: str = "") -> str:
    """Run a command line as the login shell of a host does."""
    done = subprocess.run(
        ["sh", "-c", line], input=stdin.encode(), capture_output=True, check=True, timeout=patience(30)
    )
    assert done.stderr == b""
    return done.stdout.decode()


@settings(max_examples=60)
@given(st.lists(TEXTS, max_size=8))
def test_every_argument_of_a_script_arrives_as_it_is(arguments: list[str]) -> None:
    with patch.object(command, "_script", lambda name, **_: SHOW):
        line = command.script("any", *arguments).get_raw_value()
    assert run(line) == "".join(f"{one}\0" for one in arguments)
    # And once more quoted, as pyinfra does for sudo.
    assert run(f"env sh -c {shlex.quote(line)}") == "".join(f"{one}\0" for one in arguments)


@settings(max_examples=50)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_every_argument_of_a_program_arrives_as_it_is(arguments: list[str]) -> None:
    line = command.program("sh", "-c", SHOW, "sh", *arguments).get_raw_value()
    assert run(line) == "".join(f"{one}\0" for one in arguments)


@settings(max_examples=50)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_words_that_were_joined_are_the_same_words_for_a_shell(words: list[str]) -> None:
    line = command.command_line(("sh", "-c", SHOW, "sh", *words))
    assert run(line) == "".join(f"{one}\0" for one in words)


def test_a_payload_goes_to_standard_input_and_into_no_command_line() -> None:
    built = command.script("tools", "digest", payload="s3ntinel")
    assert built.connector_arguments == {"_stdin": "s3ntinel"}
    assert "s3ntinel" not in built.get_raw_value() + str(built) + repr(built)


def test_without_a_payload_nothing_is_sent_to_standard_input() -> None:
    assert command.script("tools", "digest").connector_arguments == {}


def test_an_empty_payload_is_sent_too() -> None:
    assert command.script("tools", payload="").connector_arguments == {"_stdin": ""}


def test_the_name_of_a_script_is_what_its_messages_begin_with() -> None:
    assert " homeport-accounts a b" in command.script("accounts", "a", "b").get_raw_value()


@settings(max_examples=100)
@given(st.binary(max_size=2000))
def test_encoded_data_is_one_line_that_decodes_to_itself(data: bytes) -> None:
    text = command.encoded(data)
    assert "\n" not in text
    assert base64.b64decode(text) == data


def test_packed_files_are_unpacked_with_mode_and_content(tmp_path: Path) -> None:
    files = [
        ("root/etc/a b", File("/etc/a b", "größe\n", mode=0o640)),
        ("root/etc/it's", File("/etc/it's", "", mode=0o4755)),
        (f"root/{'d' * 90}/{'f' * 150}", File("/long", "long name", mode=0o600)),
    ]
    text = command.packed(files, extra=[("manifest", "a\tb\n")])
    run(f"base64 -d | tar -xzpf - -C {shlex.quote(str(tmp_path))}", text)
    for name, file in files:
        assert (tmp_path / name).read_text() == file.content
        assert (tmp_path / name).stat().st_mode & 0o7777 == file.mode
    assert (tmp_path / "manifest").read_text() == "a\tb\n"
    assert (tmp_path / "manifest").stat().st_mode & 0o7777 == 0o600


def test_packed_files_carry_their_owners_by_name_and_no_time() -> None:
    text = command.packed([("x", File("/x", "", owner="notes", group="www-data"))])
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text))) as tar:
        [entry] = tar
    assert (entry.uname, entry.gname, entry.mtime) == ("notes", "www-data", 0)
    assert text == command.packed([("x", File("/x", "", owner="notes", group="www-data"))])


@pytest.mark.parametrize("status", [True, False])
def test_a_phase_shows_what_its_command_prints_at_every_verbosity_and_only_once(status: bool) -> None:
    calls: list[dict[str, Any]] = []

    def run_shell_command(built: Any, **options: Any) -> tuple[bool, CommandOutput]:
        calls.append({"command": built, **options})
        return status, CommandOutput([OutputLine("stdout", "what was shown")])

    built = command.script("tools", payload="x")
    host = SimpleNamespace(connector=None, name="web1", print_prefix="[web1] ", run_shell_command=run_shell_command)
    state = SimpleNamespace(print_input=False)
    done, output = built.execute(state, host, {"_sudo": True})  # type: ignore[arg-type]
    assert done is status
    assert output.stdout_lines == output.stderr_lines == []
    assert calls == [{"command": built, "print_output": True, "print_input": False, "_sudo": True, "_stdin": "x"}]


def fails(answer: Any) -> list[str]:
    """Return the lines that a phase shows of its own when its command does not succeed."""

    def run_shell_command(built: Any, **options: Any) -> tuple[bool, CommandOutput]:
        if isinstance(answer, Exception):
            raise answer
        return False, CommandOutput([OutputLine("stderr", line) for line in answer])

    host = SimpleNamespace(connector=None, name="web1", print_prefix="[web1] ", run_shell_command=run_shell_command)
    shown: list[str] = []
    with patch("click.echo", lambda line, err: shown.append(line)):
        done, _ = command.program("true").execute(SimpleNamespace(print_input=False), host, {})  # type: ignore[arg-type]
    assert not done
    return shown


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ([], "error: the command ended with status 1; it printed nothing"),
        (["oh", "dear", ""], "error: the command ended with status 1; the last line that it printed is: dear"),
        (["sudo: a password is required"], f"error: {'; '.join(NOBODY_TO_ASK)}"),
        (OSError("Garbage packet received"), "error: the command could not be run: Garbage packet received"),
        (EOFError(), "error: sudo asks for a password, and homeport cannot ask you for it"),
        (TimeoutError(), "error: the command did not end within its time (_timeout)"),
    ],
)
def test_a_command_that_fails_without_saying_why_is_one_line(answer: Any, line: str) -> None:
    assert fails(answer) == [f"[web1] {line}"]


def test_a_command_that_says_why_it_fails_has_the_last_word() -> None:
    assert fails(["error: tools: no space", "and more"]) == []


ENDS = {"at once": "exit 3", "in a function": "fail() { exit 3; }; fail", "by another program": "exec sh -c 'exit 3'"}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("shell", [one for one in ("dash", "bash", "busybox") if shutil.which(one)])
def test_the_rest_of_a_scripts_payload_is_read_and_its_status_kept(shell: str, end: str) -> None:
    with patch.object(command, "_script", lambda name, **_: f"set -eu\nread -r first\necho $first $1\n{end}\n"):
        built = command.script("any", "argument", payload="line")
    text, *words = (word.obj for word in built.bits[2:])
    payload = b"first\n" + b"x" * 4 * 2**20
    # A pipe that nobody reads any more would end this writer by BrokenPipeError.
    with subprocess.Popen(
        [*([shell, "sh"] if shell == "busybox" else [shell]), "-c", text, *words], stdin=-1, stdout=-1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(payload)
        process.stdin.close()
        assert process.stdout.read() == b"first argument\n"
    assert process.returncode == 3


def test_a_script_without_a_payload_waits_for_nobody() -> None:
    assert "cat >/dev/null" not in command.script("lock", "notes").get_raw_value()
