"""The fact that tells the files of a release on a host; the host program reads them."""

from __future__ import annotations

import re
import shlex

from pyinfra.api import FactBase

from homeport.pyinfra_support.answers import MARK, marked
from homeport.source import Present
from homeport.state.paths import HOST_PROGRAM

LINE = re.compile(r"([0-9a-f]{64}) ([x-]) (.+)")


class ContentsFact(FactBase[Present]):
    """Read path, content (SHA-256) and executable bit of each file that a release has."""

    def command(self, app: str, release: str) -> str:
        """Return the command for a release of the application `app`."""
        return marked(f"{HOST_PROGRAM} contents --app {shlex.quote(app)} --release {shlex.quote(release)}")

    def process(self, output: list[str]) -> Present:
        """Parse what the command printed; what is no line of its is no file."""
        found = (LINE.fullmatch(line.removeprefix(MARK)) for line in output)
        return frozenset((match[3], match[1], match[2] == "x") for match in found if match)
