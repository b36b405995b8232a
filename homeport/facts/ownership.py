"""Parses the snapshot's lines about other owners: marks of files, servers in Nginx, Certbot's lineages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

from homeport.state.snapshot import FileOrigins, Hindrance, ServerFound, Snapshot

Rows = Iterable[list[str]]


def added(found: Snapshot, rows: Mapping[str, list[list[str]]]) -> Snapshot:
    """Return the snapshot with what its lines, by section, tell of others."""
    return replace(
        found,
        file_origins=FileOrigins(
            marked=frozenset(row[0] for row in rows["marked"]),
            pristine=frozenset(row[0] for row in rows["pristine"]),
            written=frozenset((path, digest) for digest, path in rows["written"]),
        ),
        servers=servers(rows["nginx"]),
        fixed={path: cast("Hindrance", why) for why, path in rows["fixed"]},
        occupied=frozenset(row[0] for row in rows["occupied"]),
        foreign_lineage="foreign_lineage" in rows,
        unrenewed=tuple(row[0] for row in rows["unrenewed"]),
    )


def servers(rows: Rows) -> tuple[ServerFound, ...]:
    """Return the servers of which Nginx's files have these directives: file, word, and what stands behind it.

    They are in the order in which Nginx reads them. What stands before a file's first server holds for all of them.
    """
    blocks: list[tuple[str, list[list[str]]]] = []
    common: dict[str, list[list[str]]] = {}
    for file, word, rest in rows:
        if word == "server":
            # One of an upstream has its address there.
            if not rest:
                blocks.append((file, []))
        elif blocks and blocks[-1][0] == file:
            blocks[-1][1].append([word, rest])
        else:
            common.setdefault(file, []).append([word, rest])
    return tuple(_server(file, [*common.get(file, []), *directives]) for file, directives in blocks)


def _server(file: str, directives: list[list[str]]) -> ServerFound:
    values = {word: " ".join(rest.split()) for word, rest in directives}
    return ServerFound(
        file=file,
        # Without the directive it is all of port 80.
        listens=tuple(" ".join(rest.split()) for word, rest in directives if word == "listen") or ("80",),
        protocols=tuple(values.get("ssl_protocols", "").split()),
        curves=values.get("ssl_ecdh_curve", ""),
        names=tuple(name for word, rest in directives if word == "server_name" for name in rest.lower().split()),
    )
