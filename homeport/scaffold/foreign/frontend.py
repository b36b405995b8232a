"""What a stage of a Dockerfile builds with npm and its like: as `build_commands` and `release_include`. Pure.

A stage runs in folders of its image. Which folder of the repository each is follows from what COPY brings there, so
that the same commands run in a copy of the repository.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from homeport.scaffold.foreign.docker_lines import Instruction, Stage
from homeport.scaffold.foreign.shell import ShellError, simple_commands
from homeport.scaffold.foreign.variables import is_plain

BUILD = re.compile(r"\b(?:npm|pnpm|yarn|bun)\b[^&;|]*\bbuild\b")
# What a RUN does to the image and not to the code: tools are the matter of the machine that builds.
_IMAGE = re.compile(r"(apt|apt-get|apk|corepack|rm|echo|curl|wget|chown|chmod|adduser|addgroup)$")
_GLOBAL = frozenset(("-g", "--global", "global"))


@dataclass(frozen=True)
class Built:
    """Commands that build something in the application's folder, and where it is then, below that folder."""

    commands: tuple[str, ...]
    include: str


def read_frontend(
    stage: Stage, image: Sequence[Instruction], paths: Set[str], folder: str, dockerfile: str
) -> Built | None:
    """Return how `stage` builds what the `image` (its instructions) copies from it; None where that is not plain.

    `paths` are the repository's files, `folder` is the application's, and `dockerfile` the path of the file: its folder
    may be the context, as the repository's root may.
    """
    for context in dict.fromkeys(("", posixpath.dirname(dockerfile))):
        builder = _Folders(paths, context)
        commands = list(builder.commands(stage.instructions, folder))
        if not commands:
            continue
        target = _Folders(paths, context)
        for source, place in target.copied(image, stage.name):
            made, wanted = builder.of(source), target.of(place)
            if made is not None and wanted is not None and (include := _below(wanted, folder)):
                return Built((*commands, *_moved(made, wanted, folder)), include)
    return None


class _Folders:
    """Which folders of the repository those of a stage are, as its instructions are read one after the other."""

    def __init__(self, paths: Set[str], context: str):
        self._paths, self._context = paths, context
        self._known: dict[str, str] = {}
        self._here = "/"

    def of(self, place: str) -> str | None:
        """Return the path in the repository of a path in the stage; None where nothing says it."""
        place = posixpath.join(self._here, place.rstrip("/") or "/")
        above, below = posixpath.normpath(place), ""
        while above not in self._known:
            if above == "/":
                return None
            above, name = posixpath.split(above)
            below = posixpath.join(name, below)
        found = posixpath.normpath(posixpath.join(self._known[above], below))
        return "" if found == "." else found

    def commands(self, instructions: Iterable[Instruction], folder: str) -> Iterator[str]:
        """Yield the stage's commands as they run in the application's `folder`; nothing unless one of them builds."""
        variables: dict[str, str] = {}
        found: list[str] = []
        for one in instructions:
            self._follow(one)
            if one.name in ("ARG", "ENV"):
                variables |= dict(_plain(one.text))
            elif one.name == "RUN" and (text := _of_code(one)):
                here = self.of(".")
                if here is None or "$" in text:
                    return
                there = posixpath.relpath(here or ".", folder or ".")
                prefix = "" if there == "." else f"cd {shlex.quote(there)} && "
                known = variables if BUILD.search(text) else {}
                found.append(prefix + "".join(f"{name}={shlex.quote(known[name])} " for name in known) + text)
        if any(BUILD.search(one) for one in found):
            yield from found

    def copied(self, instructions: Iterable[Instruction], stage: str) -> Iterator[tuple[str, str]]:
        """Yield the first source, and the place, of each COPY from the `stage`."""
        for one in instructions:
            self._follow(one)
        # Once more from the beginning: a place is where WORKDIR is by then, and what is in it all that was copied.
        self._here = "/"
        for one in instructions:
            self._follow(one)
            if one.name == "COPY" and f"--from={stage}" in one.text.split():
                sources, place = _operands(one)
                yield from ((source, place) for source in sources[:1])

    def _follow(self, one: Instruction) -> None:
        if one.name == "WORKDIR":
            self._here = posixpath.join(self._here, one.text)
        elif one.name in ("COPY", "ADD") and "--from=" not in one.text and not one.text.startswith("["):
            sources, place = _operands(one)
            for source in sources:
                self._copy(posixpath.normpath(posixpath.join(self._context, source.lstrip("/"))), place)

    def _copy(self, source: str, target: str) -> None:
        place = posixpath.normpath(posixpath.join(self._here, target))
        plain = "" if source == "." else source
        if not plain or any(one.startswith(f"{plain}/") for one in self._paths):
            self._known.setdefault(place, plain)
        elif re.fullmatch(r"(.*/)?package[\w.*-]*json", source):
            self._known.setdefault(place, posixpath.dirname(source))


def _operands(one: Instruction) -> tuple[list[str], str]:
    """Return the sources of a COPY, and where they go."""
    words = [word for word in one.text.split() if not word.startswith("--")]
    return words[:-1], "".join(words[-1:])


def _of_code(one: Instruction) -> str:
    """Return the text of a RUN that does something to the code, "" for one that only prepares the image."""
    words = one.words
    text = words if isinstance(words, str) else shlex.join(words)
    try:
        commands = [simple.words for simple in simple_commands(text, one.line, {})]
    except ShellError:
        return ""
    prepares = [_IMAGE.match(words[0]) or _GLOBAL & set(words) for words in commands if words]
    return "" if not commands or all(prepares) or "\n" in text else " ".join(text.split())


def _plain(text: str) -> Iterator[tuple[str, str]]:
    """Yield the variables of an ARG or ENV whose values are plain and no secret; an empty one is said, too."""
    try:
        words = shlex.split(text)
    except ValueError:
        return
    for name, equals, value in (word.partition("=") for word in words):
        if equals and is_plain(name, value):
            yield name, value


def _below(path: str, folder: str) -> str:
    return path if not folder else path.removeprefix(f"{folder}/") if path.startswith(f"{folder}/") else ""


def _moved(made: str, wanted: str, folder: str) -> Iterator[str]:
    """Yield the command that puts what was made to where the image has it, where that is another place."""
    if made != wanted:
        source, target = (shlex.quote(posixpath.relpath(one, folder or ".")) for one in (made, wanted))
        yield f"rm -rf {target} && mkdir -p {posixpath.dirname(target) or '.'} && cp -R {source} {target}"
