"""A page of the documentation as its entries, and what of it is to be run.

An entry is a heading of the second level with what stands below it. Of its blocks `sh` is run, and a `text` that
follows one says what is printed. Others are for the reader alone, and so is a block with `<!-- not run: WHY -->`
before it. `<!-- meanwhile: EVENT -->` before one is for what happens elsewhere in the world just then.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*).*$")
NOT_RUN = re.compile(r"^ *<!-- not run: (?P<why>.+) -->$")
EVENT = re.compile(r"^ *<!-- meanwhile: (?P<event>.+) -->$")
STATUS = re.compile(r"#.*\bstatus (?P<status>\d+)\b")


@dataclass(frozen=True)
class Command:
    """What a reader would type at one prompt, and the status that the page says it ends with."""

    text: str
    line: int
    status: int = 0


@dataclass
class Block:
    """A block of commands, and what the page says that they print ("": nothing is said)."""

    text: str
    line: int
    output: str = ""
    not_run: str = ""
    meanwhile: str = ""

    def commands(self) -> Iterator[Command]:
        """Yield the block's commands, each as far as a shell reads on before it runs it."""
        held: list[str] = []
        for number, line in enumerate(self.text.splitlines()):
            held.append(line)
            text = "\n".join(held)
            if text.strip() and _complete(text):
                found = STATUS.search(text)
                start = self.line + number - len(held) + 1
                yield Command(text, start, int(found["status"]) if found else 0)
                held = []
        if any(held):
            raise SyntaxError(f"line {self.line}: a shell does not understand: {' '.join(held)}")


@dataclass
class Entry:
    """A heading and its blocks of commands, in their order."""

    title: str
    line: int
    text: str = ""
    blocks: list[Block] = field(default_factory=list)


def entries(page: Path) -> list[Entry]:
    """Return the page's entries; what stands above the first heading is an entry without a title."""
    found = [Entry("", 1)]
    lines = iter(enumerate(page.read_text().splitlines(), 1))
    not_run, meanwhile, after = "", "", False
    for number, line in lines:
        if fence := FENCE.match(line):
            block = Block(_until_the_fence_ends(lines, fence["indent"]), number + 1, "", not_run, meanwhile)
            _take(found[-1], fence["language"], block, after=after)
            not_run, meanwhile, after = "", "", fence["language"] == "sh"
        elif event := EVENT.match(line):
            meanwhile = event["event"]
        elif line.startswith("## "):
            found.append(Entry(line[3:].strip(), number))
        elif line.strip():
            marker = NOT_RUN.match(line)
            not_run, after = marker["why"] if marker else "", False
            found[-1].text += f"{line}\n"
    return found


def _until_the_fence_ends(lines: Iterator[tuple[int, str]], indent: str) -> str:
    taken = []
    for _, line in lines:
        if line == f"{indent}```":
            break
        taken.append(line.removeprefix(indent))
    return "\n".join(taken)


def _take(entry: Entry, language: str, block: Block, *, after: bool) -> None:
    if language == "sh":
        entry.blocks.append(block)
    elif language == "text" and after:
        entry.blocks[-1].output = block.text


def _complete(text: str) -> bool:
    """Tell whether a shell would run it, and not wait for the rest."""
    if text.endswith("\\"):
        return False
    checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    return checked.returncode == 0 and not checked.stderr


def missing(said: str, printed: str) -> str:
    """Return the first line of `said`, in whose order they must come, that was not printed; "" when all were.

    `…` stands for anything within a line; runs of spaces count as one.
    """
    rest = [" ".join(line.split()) for line in printed.splitlines()]
    for line in filter(str.strip, said.splitlines()):
        if line.strip() == "…":
            continue
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("…"))
        place = next((n for n, one in enumerate(rest) if re.search(pattern, one)), None)
        if place is None:
            return line
        rest = rest[place + 1 :]
    return ""
