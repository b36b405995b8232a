"""A command of a foreign file: a server, a migration, a script that has those, or something else. Pure."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence

from homeport.scaffold.foreign.migrations import is_migration
from homeport.scaffold.foreign.model import Files, Place, Reading
from homeport.scaffold.foreign.server_command import SERVERS, read_server_command, read_uvicorn_run
from homeport.scaffold.foreign.shell import ShellError, Simple, simple_commands

_SHELLS = ("sh", "bash", "ash", "dash", "zsh")
_PYTHON = re.compile(r"python(\d(\.\d+)?)?")
# Programs that run the rest of their words.
_WRAPPERS = ("exec", "nohup", "env", "stdbuf", "time", "command", "nice")
_RUNNERS = ("uv", "poetry", "pipenv", "pdm", "rye", "hatch")
_INITS = ("tini", "dumb-init", "catatonit", "gosu", "su-exec")
_INSTRUMENTS = ("opentelemetry-instrument", "ddtrace-run", "newrelic-admin", "doppler", "infisical", "chamber")
_WAITING = re.compile(r"(wait[-_]?for[-\w]*|wait-for-it)(\.sh)?|dockerize|sleep|nc|pg_isready|wait")
_QUIET = frozenset(
    [
        "set",
        "echo",
        "printf",
        "source",
        ".",
        "mkdir",
        "chmod",
        "chown",
        "test",
        "[",
        "[[",
        "true",
        "false",
        "exit",
        "trap",
        "ulimit",
        "umask",
        "whoami",
        "pwd",
        "ls",
        "cat",
        "date",
        "local",
        "return",
        "unset",
        "kill",
        "shift",
    ]
)
_DEEPEST = 3


class Commands:
    """Reads commands: `files` has scripts that they name, `variables` are what is known of their environment."""

    def __init__(self, files: Files, reading: Reading, variables: Mapping[str, str]):
        self._files = files
        self._reading = reading
        self._variables = variables

    def read(self, command: str | Sequence[str], place: Place) -> None:
        """Take what a command says: a shell's text, or its words."""
        if isinstance(command, str):
            self._text(command, place, 0)
        else:
            self._words(Simple(tuple(command), place.line), place.file, 0)

    def _text(self, text: str, place: Place, depth: int) -> None:
        try:
            commands = list(simple_commands(text, place.line or 1, self._variables))
        except ShellError as problem:
            self._reading.note(Place(place.file, problem.line), f"the command is not understood: {problem}")
            return
        for one in commands:
            self._words(one, place.file, depth)

    def _words(self, simple: Simple, file: str, depth: int) -> None:
        place = Place(file, simple.line)
        words = unwrapped(simple.words, place, self._reading)
        if not words or words[0].startswith(("!", "<", ">")):
            return
        program = posixpath.basename(words[0])
        if re.match(r"/.*/?bin/", words[0]) and not find_file(words[0], self._files):
            # Of a virtual environment, or of the system.
            words[0] = program
        if program in _SHELLS and (at := _text_of_shell(words)):
            self._text(words[at], place, depth)
        elif program in SERVERS and not (program == "fastapi" and words[1:2] not in (["run"], ["dev"])):
            read_server_command([program, *words[1:]], place, self._reading)
        elif program in _QUIET or _WAITING.fullmatch(program):
            pass
        elif program == "cd":
            self._folder(words, place)
        elif script := self._script(words):
            self._follow(script, words, place, simple, depth)
        else:
            self._other(words, place, simple)

    def _folder(self, words: Sequence[str], place: Place) -> None:
        folder = words[1].rstrip("/") if len(words) > 1 else ""
        if folder.startswith((".", "$")) or (folder and not folder.startswith("/")):
            self._reading.note(place, f"cd {folder}: commands run in the application's folder")

    def _script(self, words: Sequence[str]) -> str:
        """Return the path of the script or module of this repository that a command runs, "" for none."""
        program = posixpath.basename(words[0])
        named = words[0]
        if program in _SHELLS or _PYTHON.fullmatch(program):
            named = next((word for word in words[1:] if not word.startswith("-")), "")
            if words[1:2] == ["-m"]:
                dotted = named.replace(".", "/")
                return find_file(f"{dotted}/__main__.py", self._files) or find_file(f"{dotted}.py", self._files)
        if not named.endswith((".sh", ".py", ".bash")) and "/" not in named:
            return ""
        return find_file(named, self._files)

    def _follow(self, script: str, words: Sequence[str], place: Place, simple: Simple, depth: int) -> None:
        text = self._files.text(script)
        if script.endswith(".py"):
            if not read_uvicorn_run(text, script, place, self._reading):
                self._other(words, place, simple)
        elif depth >= _DEEPEST:
            self._reading.note(place, f"{script} is not read: scripts run scripts too deeply")
        else:
            self._text(text, Place(script, 1), depth + 1)

    def _other(self, words: Sequence[str], place: Place, simple: Simple) -> None:
        command = shlex.join(words)
        if simple.background:
            name = re.sub(r"[^a-z0-9]+", "-", posixpath.basename(words[0]).lower()).strip("-") or "process"
            self._reading.processes.setdefault(name[:30], (command, place))
        elif simple.conditional and not is_migration(command):
            self._reading.note(place, f"{_short(command)!r} is not taken: it depends on a condition")
        elif "$" in command:
            self._reading.note(place, f"{_short(command)!r} is not taken: it has variables in it")
        else:
            self._reading.before.append((command, place))


def find_file(path: str, files: Files) -> str:
    """Return the file that a path in a container or on a machine means: the longest ending that is a file here.

    One of the application's folder is preferred.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or any("$" in part for part in parts):
        return ""
    endings = ["/".join(parts[start:]) for start in range(len(parts))]
    for folder in dict.fromkeys((files.folder, "")):
        for ending in endings:
            if (found := posixpath.join(folder, ending)) in files.paths:
                return found
    below = [one for one in files.paths if one.endswith(f"/{endings[0]}")]
    inside = [one for one in below if one.startswith(f"{files.folder}/")]
    return min(inside or below, key=lambda one: (one.count("/"), one), default="")


def unwrapped(words: Sequence[str], place: Place, reading: Reading) -> list[str]:
    """Return a command without the programs around it that homeport has no need of."""
    left = list(words)
    while left:
        program = posixpath.basename(left[0])
        if program in _WRAPPERS or program in _INITS:
            # `gosu user …`, `tini -- …`, `env NAME=value …`
            drop = 2 if program in ("gosu", "su-exec") else 1
            left = left[drop:]
            while left and (left[0].startswith("-") or re.match(r"[A-Za-z_]\w*=", left[0])):
                left = left[1:]
        elif program in _RUNNERS and "run" in left[1:3]:
            left = _after_run(left[left.index("run") + 1 :])
        elif program in _INSTRUMENTS:
            reading.note(
                place, f"{program} around the server has no setting: its own library can be called in the code"
            )
            at = next((n for n, word in enumerate(left) if posixpath.basename(word) in (*SERVERS, "python")), None)
            left = left[at:] if at else []
        elif _WAITING.fullmatch(program) and "--" in left:
            left = left[left.index("--") + 1 :]
        elif _PYTHON.fullmatch(program) and left[1:2] == ["-m"] and left[2:3] and left[2] in (*SERVERS, "alembic"):
            left = left[2:]
        else:
            break
    return left


def _after_run(words: list[str]) -> list[str]:
    """Return what `uv run` and its like run, without their own options."""
    while words and words[0].startswith("-"):
        takes = words[0] in ("--extra", "--group", "--project", "--directory", "--with", "--env-file", "-p", "--python")
        words = words[2 if takes else 1 :]
    return words


def _text_of_shell(words: Sequence[str]) -> int:
    """Return where the text of `sh -c TEXT` is among the words, 0 for no such text."""
    for number, word in enumerate(words[1:], 1):
        if re.fullmatch(r"-\w*c", word) and number + 1 < len(words):
            return number + 1
    return 0


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"
