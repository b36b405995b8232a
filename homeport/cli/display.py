"""Shows how a run goes on: lines as they come, or on a terminal also what each host is at right now.

All of it goes to standard error; a command's result is what it prints on standard output.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import click
from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from homeport.cli.progress import HostProgress, Progress, ProgressLine, duration, in_view

STYLES = {"step": "", "word": "dim", "error": "bold red", "host": "cyan"}
MARKS = {"failed": ("x", "bold red"), "unreachable": ("x", "bold red"), "done": ("+", "green")}


class PlainDisplay:
    """A line for everything, each with the seconds since the beginning and its host."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._began = time.monotonic()

    def shown(self) -> AbstractContextManager[None]:
        """Return a context in which the run is shown."""
        return nullcontext()

    def say(self, lines: Iterable[ProgressLine]) -> None:
        """Show lines about hosts."""
        for one in lines:
            click.echo(f"{self._elapsed():>6}  {self._column(one.host)}  {marked(one)}", err=True)

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._began:.0f} s"

    def _column(self, host: str) -> str:
        return host.ljust(max(map(len, self._progress.hosts), default=0))


class TerminalDisplay(PlainDisplay):
    """Phases as lines; below them what each host is doing now, which disappears at the end."""

    def __init__(self, progress: Progress):
        super().__init__(progress)
        self._console = Console(stderr=True, highlight=False)
        self._spinner = Spinner("dots" if self._console.encoding.startswith("utf") else "line")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the lower part up to date while the context lasts."""
        with Live(console=self._console, get_renderable=self._now, refresh_per_second=8, transient=True):
            yield

    def say(self, lines: Iterable[ProgressLine]) -> None:
        """Show lines about hosts; a host's own words are seen below, as long as they are the last."""
        for one in lines:
            if one.kind == "word" and not one.text.startswith(("warning", "waiting")):
                continue
            line = Text(f"{self._elapsed():>6}  ", style="dim")
            line.append(f"{self._column(one.host)}  ", style="bold")
            line.append(one.text, style=STYLES[one.kind])
            self._console.print(line, soft_wrap=True)

    def _now(self) -> Group:
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(no_wrap=True, width=1)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True, ratio=1, overflow="ellipsis", style="dim")
        # The other half of the terminal is for what was said.
        shown, others = in_view(list(self._progress.hosts.values()), max(self._console.height // 2, 2))
        for host in shown:
            table.add_row(*self._row(host))
        return Group(table, Text(f"  {others}", style="dim")) if others else Group(table)

    def _row(self, host: HostProgress) -> tuple[Text | Spinner, ...]:
        now, phase = time.monotonic(), host.current
        mark = Text(MARKS[host.state][0], MARKS[host.state][1]) if host.state in MARKS else self._spinner
        doing = phase.name if phase else host.planning if host.state == "connected" else ""
        since = duration(phase.seconds(now)) if phase else ""
        output = host.output[-1] if host.output else ""
        return mark, Text(host.name), Text(doing or host.state), Text(since), Text(output)


def display_of(progress: Progress) -> PlainDisplay:
    """Return the display that suits where standard error goes."""
    return TerminalDisplay(progress) if on_terminal() else PlainDisplay(progress)


def on_terminal() -> bool:
    """Tell whether a person looks at standard error, on a terminal that can do more than lines."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def marked(one: ProgressLine) -> str:
    """Return a line's text such that the host's own words, and errors, are known without colours."""
    return {"word": f"| {one.text}", "error": f"error: {one.text}"}.get(one.kind, one.text)
