"""A Dockerfile's instructions with their lines, and its stages. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")
_OPTION = re.compile(r"--\w[\w-]*(=\S*)?\s+")


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals, what follows it, its line."""

    name: str
    text: str
    line: int

    @property
    def words(self) -> str | list[str]:
        """A command: its words, or a shell's text; options such as `--mount` are left out."""
        text = self.text
        while match := _OPTION.match(text):
            text = text[match.end() :]
        if text.startswith("["):
            try:
                found = json.loads(text)
            except ValueError:
                return text
            if isinstance(found, list) and all(isinstance(one, str) for one in found):
                return found
        return text


@dataclass
class Stage:
    """A stage: the image or stage that it is made from, its name, its instructions."""

    base: str
    name: str
    line: int
    instructions: list[Instruction] = field(default_factory=list)


def instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile; lines that are none are passed over."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        begin, whole = number + 1, ""
        while number < len(lines):
            line = lines[number]
            number += 1
            # A comment may stand among continued lines.
            if line.lstrip().startswith("#"):
                if not whole:
                    break
                continue
            if line.rstrip().endswith("\\"):
                whole += line.rstrip()[:-1] + " "
                continue
            whole += line
            break
        if ends := _HEREDOC.findall(whole):
            end = next((at for at in range(number, len(lines)) if lines[at].strip() == ends[0]), len(lines))
            whole = _HEREDOC.sub("", whole) + "\n" + "\n".join(lines[number:end])
            number = end + 1
        name, _, rest = whole.strip().partition(" ")
        if rest.strip() and name.isalpha():
            yield Instruction(name.upper(), rest.strip(), begin)


def stages(text: str) -> list[Stage]:
    """Return the stages of a Dockerfile."""
    found: list[Stage] = []
    for one in instructions(text):
        if one.name == "FROM":
            words = [word for word in one.text.split() if not word.startswith("--")]
            name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
            found.append(Stage(words[0] if words else "", name, one.line))
        elif found:
            found[-1].instructions.append(one)
    return found


def chain(found: Sequence[Stage], target: str = "") -> list[Stage]:
    """Return the stages that the image is made of, the last first: `target`, or the last in the file."""
    named = {stage.name.lower(): stage for stage in found if stage.name}
    stage = named.get(target.lower()) or (found[-1] if found else None)
    line: list[Stage] = []
    while stage is not None and stage not in line:
        line.append(stage)
        stage = named.get(stage.base.lower())
    return line
