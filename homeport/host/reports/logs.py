"""`logs`: what an application, its migrations, its deploys and the proxy have written, newest part first. Reads only.

A call returns the lines that are asked for and a position; a call with that position returns what came after it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from ..proxies.chosen import proxy_of
from ..proxies.model import mounts
from ..proxies.model.log_lines import Below, site_names
from ..system.journal import Journal
from ..system.layout import Layout
from ..system.timeline import moment
from . import journal_lines

Line = dict[str, Any]
# Nginx writes its times to the second, and its lines within a second (templates/nginx/nginx.conf).
LATE_SECONDS = 2.0
APP, PROXY, MIGRATION, DEPLOYS = SOURCES = ("app", "proxy", "migration", "deploys")


class LogQuery(NamedTuple):
    """Which lines: of these sources, at most so many, between two moments (seconds since 1970), with this pattern."""

    sources: tuple[str, ...]
    lines: int
    since: float | None = None
    until: float | None = None
    grep: str = ""

    def accepts(self, line: Line) -> bool:
        """Tell whether a line has the pattern, and is not too late; small letters in it mean either case."""
        if self.until is not None and line["seconds"] > self.until:
            return False
        flags = 0 if re.search("[A-Z]", self.grep) else re.IGNORECASE
        return not self.grep or re.search(self.grep, line["text"], flags) is not None


def read(layout: Layout, query: LogQuery, after: str = "") -> dict[str, Any]:
    """Return `lines`, oldest first, `position`, and `at`: all that was written before that moment has been read.

    `after` is the position of an earlier call: then only what came after it is returned.
    """
    now, position = time.time(), json.loads(after) if after else {}
    past: list[Line] = []
    fresh: list[Line] = []
    for name, reader in readers(layout, query.sources).items():
        if name in position:
            lines, position[name] = reader.after(position[name])
            fresh += [line for line in lines if query.accepts(line)]
        else:
            position[name] = reader.position(now)
            past += newest(reader.backwards(position[name], query.since), query)
    past.sort(key=lambda line: line["seconds"])
    found = sorted(past[-query.lines :] + fresh, key=lambda line: line["seconds"])
    upto = now - LATE_SECONDS if PROXY in query.sources else now
    return {"lines": [shown(line) for line in found], "position": json.dumps(position), "at": upto}


def readers(layout: Layout, sources: Collection[str]) -> dict[str, Any]:
    """Return what reads each of the places in which the sources are written, by a name for it."""
    found: dict[str, Any] = {}
    if units := journal_lines.units(layout, app=APP in sources, migration=MIGRATION in sources):
        found["units"] = Journal(units, journal_lines.of_a_unit(layout))
    if DEPLOYS in sources:
        matches = ["--identifier=homeport", f"HOMEPORT_APP={layout.app}"]
        found["deploys"] = Journal(matches, lambda entry: {"source": DEPLOYS})
    if PROXY in sources:
        logs, mount = proxy_of(layout.machine).logs(site_names(layout)), mounts.read(layout)
        found |= {name: Below(log, mount.path) for name, log in logs.items()} if mount else logs
    return found


def newest(lines: Iterator[Line], query: LogQuery) -> list[Line]:
    """Return as many as are wanted of lines that come backwards, which are read no further than for that."""
    found: list[Line] = []
    for line in lines:
        if query.since is not None and line["seconds"] < query.since:
            break
        if query.accepts(line):
            found.append(line)
        if len(found) >= query.lines:
            break
    return found[::-1]


def shown(line: Line) -> Line:
    """Return a line as it is printed: its time as a text, and every key there."""
    keys: tuple[str, ...] = ("source", "unit", "slot", "pid", "level", "text", "request")
    return {"at": moment(line["seconds"]), **{key: line.get(key) for key in keys}}
