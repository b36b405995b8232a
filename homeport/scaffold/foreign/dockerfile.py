"""What a Dockerfile says: server, variables, packages, health, Python. Pure.

The last stage counts, with those that it is made from; what other stages build is listed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from homeport.scaffold.foreign.commands import Commands, find_file
from homeport.scaffold.foreign.docker_lines import Instruction, Stage, chain, stages
from homeport.scaffold.foreign.frontend import BUILD, read_frontend
from homeport.scaffold.foreign.health import read_health_command
from homeport.scaffold.foreign.model import Files, Place, Reading, Start
from homeport.scaffold.foreign.shell import ShellError, replaced, simple_commands
from homeport.scaffold.foreign.variables import take_variable

# It starts gunicorn by variables, and was given up by its author (its README, "deprecated").
TIANGOLO = re.compile(r"(.*/)?tiangolo/uvicorn-gunicorn(-fastapi|-starlette)?(:|$)")
_PYTHON = re.compile(r"(?:.*/)?(?:python:|uv:python|uvicorn-gunicorn(?:-fastapi)?:python)(3\.\d+)")
# Images that have npm or bun; `build_image` takes no variables.
_BUILDER = re.compile(r"(.*/)?(node|bun)(:[\w.-]+)?(@sha256:[0-9a-f]{64})?")
# What an image needs to be built, or has by itself on a machine.
_TOOLS = re.compile(
    r"curl|wget|vim(-\w+)?|nano|less|htop|ca-certificates|gnupg2?|lsb-release|apt-\w[\w-]*|software-properties-common|"
    r"procps|dumb-init|tini|sudo|netcat(-\w+)?|ncat|iputils-ping|telnet|supervisor|nginx|cron|unzip|zip|git|locales|"
    r"python3?(\.\d+)?(-(pip|venv|dev|distutils|setuptools|full|minimal))?|pipx?|nodejs|npm|dos2unix|openssh-\w+|"
    r"build-essential|gcc|g\+\+|make|pkg-config|debconf|dialog|net-tools|tzdata|bash|gosu|postgresql-client(-\d+)?|rustc|cargo"
)
_QUIET = frozenset(
    [
        "COPY",
        "ADD",
        "EXPOSE",
        "WORKDIR",
        "USER",
        "LABEL",
        "ARG",
        "SHELL",
        "STOPSIGNAL",
        "MAINTAINER",
        "ENV",
        "RUN",
        "CMD",
        "ENTRYPOINT",
        "HEALTHCHECK",
        "VOLUME",
        "ONBUILD",
    ]
)


def read_dockerfile(path: str, files: Files, target: str = "", *, command: bool = True) -> Reading:
    """Return what the Dockerfile at `path` says; `target` is the stage that is meant, "" for the last.

    `command` False: another file says what is started.
    """
    reading = Reading()
    found = stages(files.text(path))
    line = chain(found, target)
    if not line:
        reading.note(Place(path), "not read: it has no FROM")
        return reading
    one = _Dockerfile(path, files, reading, line)
    one.read(command=command)
    for stage in found:
        if stage not in line and stage.base not in {other.name for other in found}:
            one.read_builder(stage)
    return reading


class _Dockerfile:
    """A Dockerfile as it is read: the stages of the image, the last first."""

    def __init__(self, path: str, files: Files, reading: Reading, line: Sequence[Stage]):
        self._path, self._files, self._reading = path, files, reading
        self._instructions = [one for stage in reversed(line) for one in stage.instructions]
        self._base = line[-1]
        self.variables: dict[str, str] = {}

    def place(self, line: int) -> Place:
        return Place(self._path, line)

    def read(self, *, command: bool) -> None:
        packages: dict[str, int] = {}
        for one in self._instructions:
            if one.name == "ENV":
                self._environment(one)
            elif one.name == "RUN":
                packages |= {name: packages.get(name, one.line) for name in self._packages(one)}
            elif one.name == "VOLUME":
                self._reading.note(
                    self.place(one.line),
                    f"VOLUME {one.text}: what is kept belongs into state_paths, or into $STATE_DIRECTORY",
                )
            elif one.name == "HEALTHCHECK" and not one.text.upper().startswith("NONE"):
                words = Instruction("CMD", one.text.partition("CMD ")[2].strip(), one.line).words
                read_health_command(words, self.place(one.line), self._reading)
            elif one.name not in _QUIET:
                self._reading.note(self.place(one.line), f"the instruction {one.name} is not understood")
        if packages:
            self._reading.propose("packages", sorted(packages), self.place(min(packages.values())))
        self._python()
        if command:
            self._command()

    def _environment(self, one: Instruction) -> None:
        place = self.place(one.line)
        try:
            words = shlex.split(one.text, comments=True)
        except ValueError:
            self._reading.note(place, "ENV is not understood: its quotes do not end")
            return
        if words and "=" not in words[0]:
            words = [f"{words[0]}={' '.join(words[1:])}"]
        for name, equals, value in (word.partition("=") for word in words):
            if equals:
                value = replaced(value, self.variables)
                self.variables[name] = value
                take_variable(name, value, place, self._reading)

    def _packages(self, one: Instruction) -> Iterator[str]:
        """Yield the Debian packages that a RUN installs."""
        for words, line in self._commands(one):
            if words[0] in ("apk", "yum", "dnf", "microdnf"):
                self._reading.note(self.place(line), f"{words[0]} installs packages that Debian may call otherwise")
            if words[0] not in ("apt", "apt-get") or "install" not in words:
                continue
            for word in words[words.index("install") + 1 :]:
                name = word.partition("=")[0].partition("/")[0]
                if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) and not _TOOLS.fullmatch(name):
                    yield name

    def _commands(self, one: Instruction) -> Iterator[tuple[tuple[str, ...], int]]:
        words = one.words
        try:
            text = words if isinstance(words, str) else shlex.join(words)
            for simple in simple_commands(text, one.line, self.variables):
                yield simple.words, one.line
        except ShellError as problem:
            self._reading.note(self.place(one.line), f"RUN is not understood: {problem}")

    def _python(self) -> None:
        if found := _PYTHON.match(self._base.base):
            self._reading.propose("python_version", found[1], self.place(self._base.line))

    def _command(self) -> None:
        last = {one.name: one for one in self._instructions if one.name in ("CMD", "ENTRYPOINT")}
        entry, command = last.get("ENTRYPOINT"), last.get("CMD")
        if TIANGOLO.match(self._base.base):
            read_tiangolo(self.place(self._base.line), self.variables, self._files, self._reading, bool(command))
        reader = Commands(self._files, self._reading, self.variables)
        if entry and command and isinstance(entry.words, list):
            given = command.words
            words = given if isinstance(given, list) else ["/bin/sh", "-c", given]
            place = self.place(command.line)
            joined = [*entry.words, *words]
            # An entry point that is a script of the repository ends in `exec "$@"`: what it does, then the command.
            if script := find_file(entry.words[0], self._files):
                reader.read([script], self.place(entry.line))
                joined = words
            if not self._reading.starts:
                reader.read(joined, place)
        elif one := (entry or command):
            reader.read(one.words, self.place(one.line))
        self._reading.without_server()

    def read_builder(self, stage: Stage) -> None:
        """Propose how to build what a stage that is no part of the image builds with npm and its like, or list it."""
        step = next((one for one in stage.instructions if one.name == "RUN" and BUILD.search(one.text)), None)
        if step is None:
            return
        place = self.place(step.line)
        if found := read_frontend(stage, self._instructions, self._files.paths, self._files.folder, self._path):
            # In this order: the one is only valid beside the other.
            self._reading.propose("release_include", [found.include], place)
            self._reading.propose("build_commands", list(found.commands), place)
            # In an image the application's folder is all that there is.
            if _BUILDER.fullmatch(stage.base) and ".." not in " ".join(found.commands):
                self._reading.propose("build_image", stage.base, place)
            return
        copies = [
            copy.text.split()[-1]
            for copy in self._instructions
            if copy.name == "COPY" and f"--from={stage.name}" in copy.text.split() and stage.name
        ]
        goes = f", copied to {', '.join(copies)}" if copies else ""
        self._reading.note(
            place,
            f"{BUILD.findall(step.text)[0]!r} builds what git does not have{goes}: "
            "build_commands and release_include do that",
        )


def read_tiangolo(place: Place, variables: Mapping[str, str], files: Files, reading: Reading, other: bool) -> None:
    """Take what the image tiangolo/uvicorn-gunicorn-fastapi does by its variables; `other`: a command replaces it.

    See its start.sh: prestart.sh is run first, and APP_MODULE, or MODULE_NAME and VARIABLE_NAME, is served.
    """
    reading.note(place, "the image is deprecated, and brought FastAPI, uvicorn and gunicorn: the dependencies must")
    if other:
        return
    usual = "app.main" if find_file("app/app/main.py", files) or find_file("app/main.py", files) else "main"
    module = variables.get("MODULE_NAME") or usual
    target = variables.get("APP_MODULE") or f"{module}:{variables.get('VARIABLE_NAME') or 'app'}"
    name, _, variable = target.partition(":")
    reading.starts.append(Start(place, "gunicorn", name, variable))
    workers = variables.get("WEB_CONCURRENCY", "")
    if workers.isdecimal() and int(workers):
        reading.propose("workers", int(workers), place)
    if per_core := variables.get("WORKERS_PER_CORE"):
        reading.note(place, f'WORKERS_PER_CORE = {per_core} has no setting: workers = "auto" goes by cores and memory')
    script = find_file((variables.get("PRE_START_PATH") or "/app/prestart.sh"), files)
    if script:
        Commands(files, reading, variables).read([script], place)
