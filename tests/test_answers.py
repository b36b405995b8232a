from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.answers import MARK, after_mark, document, marked, why

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
def test_nothing_around_an_answer_changes_it(before: list[str], after: list[str]) -> None:
    found = {"live": "größe", "log": [1]}
    assert document([*before, *f"{MARK}{json.dumps(found, indent=2)}".splitlines(), *after]) == found


@pytest.mark.parametrize("lines", [[], ["{}"], [f"x{MARK}{{}}"], [MARK], [f"{MARK}garbage"], [f'{MARK}{{"live": ']])
def test_what_is_no_answer_is_refused(lines: list[str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        document(lines)


def test_the_mark_belongs_to_no_row_of_an_answer() -> None:
    assert after_mark(["noise", f"{MARK}os\tdebian", "end"]) == ["os\tdebian", "end"]


@pytest.mark.parametrize(
    ("errors", "lines", "problem", "fix"),
    [
        (["error: notes: no such release"], [MARK], "notes: no such release", "doctor"),
        (["bash: warning: setlocale: LC_ALL", "error: notes: no"], [], "notes: no", "doctor"),
        (["error: notes: no", "logout"], ["welcome"], "notes: no", "doctor"),
        (["sudo: a password is required"], ["welcome"], "sudo wants a password", "log in as root"),
        (
            ["sudo: no terminal", "sudo: a password is required"],
            [],
            "sudo wants a password",
            "root",
        ),
        (["sudo: debian is not in the sudoers file"], [], "sudo: debian is not in the sudoers file", "log in as root"),
        (["Unmatched '''."], [], "the login shell there is csh or tcsh", "chsh -s /bin/bash USER"),
        (["rbash: sudo: command not found"], [], "rbash: sudo: command not found", "doctor"),
        (["sh: 1: /usr/local/lib/homeport/homeport-host: not found"], [MARK], "there is no homeport", "deploy"),
        (["homeport-host: error: argument COMMAND: invalid choice: 'x'"], [], "is older than this", "deploy once"),
        ([], ["", MARK], "the command ended with status 9, and printed nothing", "doctor"),
    ],
)
def test_why_a_host_gives_no_answer_is_its_best_line(
    errors: list[str], lines: list[str], problem: str, fix: str
) -> None:
    found = why(9, errors, lines)
    assert problem in found[0]
    assert fix in found[1]
