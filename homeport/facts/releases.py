"""The fact that lists a host's releases; the host program knows them."""

from __future__ import annotations

import shlex

from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError

from homeport.pyinfra_support.answers import document, marked
from homeport.releases.listing import Releases, parse
from homeport.state.paths import HOST_PROGRAM


class ReleasesFact(FactBase[Releases]):
    """Read which releases of an application a host has, and what became of them."""

    def command(self, app: str) -> str:
        """Return the command for the application `app`."""
        return marked(f"{HOST_PROGRAM} releases --json --app {shlex.quote(app)}")

    def process(self, output: list[str]) -> Releases:
        """Parse what the command printed; raise FactProcessError when that is something else."""
        try:
            return parse(document(output))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FactProcessError(f"the host's list of releases is damaged ({error!r})") from None
