from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.pyinfra_support.answers import (
    CSH,
    MARK,
    MarkedOutput,
    after_mark,
    document,
    explain_failure,
    guarded,
    marked,
)

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=20), max_size=4)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("noise", ["", "echo welcome;", "printf 'no end';", "echo '{\"live\": 1}';"])
def test_an_answer_is_found_behind_what_was_printed_before_and_its_status_is_the_commands(
    shell: str, noise: str
) -> None:
    line = noise + marked("printf '{\"live\":\\n null}\\n'; echo and after; exit 3")
    done = subprocess.run(
        [*([shell, "sh"] if shell == "busybox" else [shell]), "-c", line], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert document(done.stdout.splitlines()) == {"live": None}


@given(LINES, LINES)
def test_output_around_an_answer_does_not_change_it(before: list[str], after: list[str]) -> None:
    found = {"live": "größe", "log": [1]}
    assert document([*before, *f"{MARK}{json.dumps(found, indent=2)}".splitlines(), *after]) == found


@pytest.mark.parametrize("lines", [[], ["{}"], [f"x{MARK}{{}}"], [MARK], [f"{MARK}garbage"], [f'{MARK}{{"live": ']])
def test_output_without_an_answer_is_refused(lines: list[str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        document(lines)


@pytest.mark.parametrize("shell", [*SHELLS, *(one for one in ("zsh", "fish") if shutil.which(one))])
def test_a_command_of_several_lines_is_run_as_ever_but_by_csh(shell: str) -> None:
    words = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    line = guarded("sh -c 'echo one\necho two; exit 3'")
    done = subprocess.run([*words, line], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})
    assert (done.returncode, done.stdout, done.stderr) == (3, "one\ntwo\n", "")
    # As csh and tcsh have it.
    csh = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/tcsh", "shell": "/bin/tcsh"}
    done = subprocess.run([*words, line], capture_output=True, text=True, check=False, env=csh)
    assert (done.returncode, done.stdout, done.stderr) == (71, f"{CSH}\n", "")
    assert guarded("echo one") == "echo one"


@pytest.mark.skipif(not shutil.which("tcsh"), reason="no tcsh here; a machine of the lab has it")
def test_tcsh_runs_no_piece_of_a_command_of_several_lines(tmp_path: Path) -> None:
    piece = tmp_path / "piece"
    line = f"sh -c 'echo one\ntouch {piece}\necho two'"
    tcsh = str(shutil.which("tcsh"))
    for text, ran in ((line, True), (guarded(line), False)):
        done = subprocess.run(
            [tcsh, "-f", "-c", text],
            capture_output=True,
            text=True,
            check=False,
            env={"SHELL": tcsh, "PATH": "/usr/bin:/bin"},
        )
        assert piece.exists() == ran
        piece.unlink(missing_ok=True)
    assert (done.returncode, done.stdout) == (71, f"{CSH}\n")


def test_the_mark_belongs_to_no_row_of_an_answer() -> None:
    assert after_mark(["noise", f"{MARK}os\tdebian", "end"]) == ["os\tdebian", "end"]


@given(st.lists(st.binary(max_size=9), max_size=6), st.integers(1, 5))
def test_output_between_two_marks_is_passed_on_however_it_arrives(texts: list[bytes], size: int) -> None:
    mark = b"aabaab"
    body = b"".join(texts).replace(mark, b"")
    stream = b"welcome aab" + mark + body + mark + b"bye" + mark
    expected = stream.split(mark)[1]
    enclosed = MarkedOutput(mark)
    parts = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert b"".join(map(enclosed.take, parts)) + enclosed.end() == expected


def test_a_stream_without_marks_is_passed_on_whole() -> None:
    enclosed = MarkedOutput(b"mark")
    assert enclosed.take(b"sudo: a password is required") == b""
    assert enclosed.end() == b"sudo: a password is required"
    begun = MarkedOutput(b"mark")
    assert begun.take(b"markfirst ma") == b"first "
    assert begun.take(b"x") == b"max"
    assert begun.take(b"mar") + begun.end() == b"mar"


@pytest.mark.parametrize(
    ("errors", "lines", "problem", "fix"),
    [
        (["error: notes: no such release"], [MARK], "notes: no such release", "doctor"),
        (["bash: warning: setlocale: LC_ALL", "error: notes: no"], [], "notes: no", "doctor"),
        (["error: notes: no", "logout"], ["welcome"], "notes: no", "doctor"),
        (["sudo: a password is required"], ["welcome"], "sudo asks for a password", "log in as root"),
        (
            ["sudo: no terminal", "sudo: a password is required"],
            [],
            "sudo asks for a password",
            "root",
        ),
        (["sudo: debian is not in the sudoers file"], [], "sudo: debian is not in the sudoers file", "log in as root"),
        ([], [CSH], "the login shell there is csh or tcsh", "chsh -s /bin/bash USER"),
        (["rbash: sudo: command not found"], [], "rbash: sudo: command not found", "doctor"),
        (["sh: 1: /usr/local/lib/homeport/homeport-host: not found"], [MARK], "there is no homeport", "deploy"),
        (["homeport-host: error: argument COMMAND: invalid choice: 'x'"], [], "is older than this", "deploy once"),
        ([], ["", MARK], "the command ended with status 9, and printed nothing", "doctor"),
    ],
)
def test_why_a_host_gives_no_answer_is_its_best_line(
    errors: list[str], lines: list[str], problem: str, fix: str
) -> None:
    found = explain_failure(9, errors, lines)
    assert problem in found[0]
    assert fix in found[1]
