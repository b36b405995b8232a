"""Describes who holds a host: from the JSON that a run, or somebody who holds deploys by hand, has left there. Pure."""

from __future__ import annotations

import json
from typing import Any


def held_by_run(text: str) -> str:
    """Return who is at work, from the text of the deploy lock's file; it may be empty or cut short."""
    raw = _parsed(text)
    who = _who(raw)
    if not who:
        return "held by another run"
    about = ", ".join(f"{key} {raw[key]}" for key in ("ref", "release") if raw.get(key))
    return f"held by a {raw.get('action') or 'run'} of {who}{f' ({about})' if about else ''}"


def held_by_hand(text: str) -> str:
    """Return who holds deploys by hand and why, from the text of the hold's file; it may be damaged."""
    raw = _parsed(text)
    message = str(raw.get("message") or "")
    return f"held by hand by {_who(raw) or 'somebody'}{f': {message}' if message else ''}"


def _who(raw: dict[str, Any]) -> str:
    if not raw.get("by"):
        return ""
    place, since = raw.get("from"), raw.get("since")
    return f"{raw['by']}{f' from {place}' if place else ''}{f' since {since}' if since else ''}"


def _parsed(text: str) -> dict[str, Any]:
    try:
        raw = json.loads(text)
    except ValueError:
        return {}
    return raw if isinstance(raw, dict) else {}
