"""A fact that a host does not give is an error in the host's own words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError
from pyinfra.connectors.util import CommandOutput, OutputLine

from homeport.facts.reading import UnreadError, read_fact


class Number(FactBase[int]):
    def command(self) -> str:
        return "echo 7"

    def process(self, output: list[str]) -> int:
        try:
            return int(output[0])
        except ValueError:
            raise FactProcessError("that is no number") from None


class Host:
    """Answers a command as its connector says, and facts as pyinfra does."""

    name = "web1"

    def __init__(self, good: bool, printed: str = "", complained: str = ""):
        lines = [*(OutputLine("stdout", one) for one in printed.split()), OutputLine("stderr", complained)]
        self.connector: Any = SimpleNamespace(run_shell_command=lambda *_, **__: (good, CommandOutput(lines)))

    def get_fact(self, fact: type[FactBase[int]], **options: Any) -> int | None:
        assert options == {"_ignore_errors": True, "_sudo": True}
        good, output = self.connector.run_shell_command("echo 7", print_output=False, print_input=False)
        try:
            return fact().process(output.stdout_lines) if good and output.stdout_lines else None
        except FactProcessError:
            return None


def test_a_fact_that_can_be_had_is_returned() -> None:
    host: Any = Host(True, "7")
    assert read_fact(host, Number, sudo=True) == 7


@pytest.mark.parametrize(
    ("host", "line"),
    [
        (Host(False, complained="sudo: a password is required"), "web1: sudo asks for a password, .*; log in as root"),
        (Host(False, complained="rbash: sudo: command not found"), "web1: rbash: sudo: command not found; see: "),
        (Host(True, "seven"), "web1: that is no number; "),
        (Host(True, printed=""), "web1: the host printed nothing; "),
        (Host(False), "web1: the command ended with status 1, and printed nothing; "),
    ],
)
def test_a_fact_that_cannot_be_read_is_an_error_in_the_hosts_words(host: Any, line: str) -> None:
    with pytest.raises(UnreadError, match=f"^{line}"):
        read_fact(host, Number, sudo=True)


def test_where_sudo_asks_and_nobody_can_answer_it_is_said() -> None:
    host: Any = Host(True)

    def asks(*_: Any, **__: Any) -> None:
        raise EOFError

    host.connector.run_shell_command = asks
    with pytest.raises(UnreadError, match=r"^web1: sudo asks for a password, and homeport cannot ask you for it; "):
        read_fact(host, Number, sudo=True)
