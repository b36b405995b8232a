"""The fact that lists what there is to remove on a host. It sends its own program: no host program is needed."""

from __future__ import annotations

from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError

from homeport.pyinfra_support.answers import document
from homeport.state.removal import Removal, parse

# For the host's own Python, on its standard input.
COMMAND = "cd / && exec /usr/bin/python3 -IB -"


class RemovalFact(FactBase[Removal]):
    """Read what a removal would remove and keep. The program is the standard input (`delivery.in_memory`)."""

    def command(self) -> str:
        """Return the command, which runs what it is given."""
        return COMMAND

    def process(self, output: list[str]) -> Removal:
        """Parse what the program printed; raise FactProcessError when that is something else."""
        try:
            return parse(document(output))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FactProcessError(f"the host's answer is damaged ({error!r})") from None
