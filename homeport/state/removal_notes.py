"""Notes on what a removal leaves on a machine, besides those of the host. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from homeport.state.removal import Notes, Removal

LINES = ("log lines", "of the journal and in /var/log/nginx")


def machine_notes(found: Removal, packages: Iterable[str], *, machine: bool) -> Notes:
    """Return what stays, and why, on a machine that `found` was read of; `machine`: homeport itself goes."""
    if machine:
        removes = bool(found.application or found.machine or found.access)
        return (("packages", ", ".join(sorted(packages))), LINES) if removes else ()
    if not (found.application or found.access):
        return ()
    others = f"; it serves {', '.join(found.others)} too" if found.others else ""
    return (("homeport itself", f"proxy, Certbot, firewall, sshd, upkeep; --machine removes it{others}"), LINES)
