"""The part of the snapshot's parser for the conditions of a host."""

from __future__ import annotations

from collections.abc import Mapping

from homeport.state.host_conditions import HostConditions


def host_conditions(rows: Mapping[str, list[list[str]]]) -> HostConditions:
    """Return what the reading says of them."""
    return HostConditions(
        groups=frozenset(row[0].partition(":")[0] for row in rows["group"]),
        lacks=tuple(row[0] for row in rows["lacks"]),
        places={path: real for path, real in rows["place"] if real},
        linked=frozenset(row[0] for row in rows["linked"]),
        mounts={row[0]: row[1] for row in rows["mount"]},
        removes=tuple(row[0] for row in rows["removes"]),
        unresolved=next((row[0] for row in rows["unresolved"]), ""),
        nginx_refuses=next((row[0] for row in rows["nginx_refuses"]), ""),
    )
