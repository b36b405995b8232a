"""What differs below some paths of a site, as the templates of every proxy have it. Pure."""

from __future__ import annotations

from typing import NamedTuple

from homeport.settings import Settings


class PathRule(NamedTuple):
    """What counts for a path and all below it; `number` is 1 for the first that is compared."""

    number: int
    path: str
    body_megabytes: int
    read_seconds: int
    streamed: bool


def path_rules(settings: Settings) -> tuple[PathRule, ...]:
    """Return the rules in the order in which they are compared: of two that fit, the longer path counts."""
    longest_first = sorted(settings.path_settings.items(), key=lambda one: (-len(one[0]), one[0]))
    return tuple(
        PathRule(
            number,
            path,
            own.client_max_body_megabytes or settings.client_max_body_megabytes,
            own.proxy_read_timeout_seconds or settings.proxy_read_timeout_seconds,
            own.streamed,
        )
        for number, (path, own) in enumerate(longest_first, 1)
    )
