"""The common part of the commands that only report: hosts in order, JSON as published, the exit status."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from homeport.cli.processes import query_hosts
from homeport.errors import EXIT_FAILED


def gather_answers(kind: str, target: str, limit: Iterable[str], **options: object) -> list[dict[str, Any]]:
    """Return what all hosts of TARGET answered to one kind of reading, sorted by name."""
    return in_order(query_hosts(kind, target, limit, **options))


def in_order(hosts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the answers sorted by the host's name."""
    return sorted((dict(one) for one in hosts), key=lambda one: str(one["host"]))


def print_json(document: object) -> None:
    """Print a document as `homeport schema` describes it."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def unread_lines(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line for each host that could not be read."""
    return [f"{one['host']}: {one['error']}" for one in hosts if "error" in one]


def end(hosts: Iterable[Mapping[str, Any]]) -> None:
    """Exit with status 1 when a host could not be read."""
    if unread_lines(hosts):
        raise SystemExit(EXIT_FAILED)
