"""Every command is documented, and every documented command exists, with the options that it is shown with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from homeport.cli.main import COMMANDS, cli
from tests.lab.project import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
# `homeport NAME …` in a block of commands, or in a line's code.
SAID = re.compile(r"(?:^|[|;&(`\s/])homeport ((?:[a-z][a-z-]*)(?: [^`\n|;&)#]*)?)")


def commands(group: click.Group, context: click.Context, *before: str) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield (*before, name)
        if isinstance(found, click.Group):
            yield from commands(found, context, *before, name)


def code_of(page: Path) -> str:
    """Return what stands as code on a page, a line for each piece."""
    text = page.read_text()
    blocks = re.findall(r"^ *```(?:sh|text)[^\n]*\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", rest)])


def said(page: Path) -> list[list[str]]:
    """Return the calls of homeport that a page shows, as words."""
    return [shlex.split(re.sub(r"\s#.*", "", one), posix=False) for one in SAID.findall(code_of(page))]


def is_call(words: list[str]) -> bool:
    """Tell an example from the line of `--help` that says how a command is used, and from prose."""
    return words[0] in COMMANDS and not any("[" in word for word in words)


def problem(words: list[str]) -> str:
    """Return what is wrong with a call: a command or an option that does not exist."""
    command: click.Command | None = cli
    context = click.Context(cli, info_name="homeport")
    known: set[str] = {"--help", "--version"}
    for position, word in enumerate(words):
        if isinstance(command, click.Group) and not word.startswith("-"):
            command = command.get_command(context, word)
            if command is None:
                return f"no command {word}"
        if word == "--":
            break
        if command is not None:
            known |= {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        option = word.partition("=")[0].rstrip(",.")
        if option.startswith("-") and option not in known and not option[1:].isdigit():
            return f"no option {option} of {' '.join(words[:position])}"
    return ""


def test_every_command_is_in_the_reference() -> None:
    reference = (REPOSITORY / "docs" / "cli.md").read_text()
    for words in commands(cli, click.Context(cli)):
        assert f"\n## homeport {' '.join(words)}\n" in reference


def test_every_command_is_spoken_of_where_it_is_used() -> None:
    spoken = {words[0] for page in PAGES if page.name != "cli.md" for words in said(page)}
    assert set(cli.list_commands(click.Context(cli))) - spoken == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_exists(page: Path) -> None:
    # The reference is what `--help` prints, of which only the examples are calls.
    calls = [words for words in said(page) if page.name != "cli.md" or is_call(words)]
    assert [(" ".join(words), wrong) for words in calls if (wrong := problem(words))] == []


def test_a_command_that_does_not_exist_is_found() -> None:
    assert problem(["reelase", "production"]) == "no command reelase"
    assert problem(["rollback", "production", "--too", "x"]) == "no option --too of rollback production"
    assert problem(["lab", "upp"]) == "no command upp"
    assert problem(["lab", "ssh", "web1", "--", "ls", "--color"]) == ""
