"""What keeps a proxy from starting beside the machine's other one, while one of them takes the other's place. Pure.

A Debian package enables and starts its unit as it is installed, and a machine has two enabled proxies for a moment as
one takes over from the other. Whatever ends the deploy then, a boot starts exactly one of them: the recorded one.
"""

from __future__ import annotations

from collections.abc import Collection

from homeport.state.paths import PROXY_RECORD, START_CONDITION, UNITS
from homeport.state.wanted import File
from homeport.steps.context import Context

# A deploy starts a proxy that is not recorded yet while this file is there; a boot removes it (`scripts/services.sh`).
PERMIT = "/run/homeport/{name}.permit"


def start_condition(context: Context, name: str, *, unrecorded: Collection[str] = ()) -> File:
    """Return the drop-in that has the proxy `name` start only where it is the recorded one and has its configuration.

    A machine without a record, or with a damaged one, has the proxy for which `unrecorded` names all others.
    """
    folder = f"{UNITS}/{name}.service.d"
    content = context.render(
        "systemd/proxy-condition.conf",
        permit=PERMIT.format(name=name),
        configured=f"{folder}/homeport.conf",
        record=PROXY_RECORD,
        name=name,
        others=sorted(unrecorded),
    )
    return File(f"{folder}/{START_CONDITION}", content, file_set="systemd")
