"""Whether a password can be asked for: by a command on a terminal, and by none that a program or a timer has begun."""

from __future__ import annotations

import subprocess
import sys

ASK = "from homeport.pyinfra_support.commands import can_ask_for_password; print('asked:', can_ask_for_password())"


def test_who_has_a_terminal_can_be_asked_whatever_the_standard_input_is() -> None:
    program = f"import pty; pty.spawn(['sh', '-c', '\"$0\" \"$@\" </dev/null', {sys.executable!r}, '-c', {ASK!r}])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "asked: True" in done.stdout


def test_no_password_is_asked_for_without_a_terminal() -> None:
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, start_new_session=True
    )
    assert done.stdout == "asked: False\n"
