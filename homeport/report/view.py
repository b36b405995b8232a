"""The data of the page as it shows them: positions and widths in percent, colours by name. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from homeport.diagnosis.finding import SCALE, TROUBLE, Level
from homeport.report.findings import worst
from homeport.report.scale import Scale

Status = Mapping[str, Any]
EVENTS_LISTED = 8
# A bar that is narrower shows nothing, and one that is narrower than this has no room for a release's id.
LEAST_PERCENT, LABEL_PERCENT = 0.4, 10.0


def page(hosts: Sequence[Status]) -> dict[str, Any]:
    """Return all that the page shows."""
    read = [one for one in hosts if "error" not in one]
    return {
        "unread": [one for one in hosts if "error" in one],
        "hosts": [host(one) for one in read],
        "app": read[0]["app"] if read else "",
        "health": health(hosts),
        "history": history(read),
        "deploys": [one for one in map(deploy, read) if one],
        "advice": [{"host": one["host"], **said} for level in SCALE for one in read for said in _of(one, level)],
    }


def _of(found: Status, level: str) -> list[Mapping[str, Any]]:
    return [said for said in found["advice"] if said["level"] == level]


def health(hosts: Sequence[Status]) -> dict[str, str]:
    """Return in a word and a sentence how all of them are."""
    serving = sum(1 for one in hosts if "error" not in one and one["serving"])
    said = worst(advice for one in hosts if "error" not in one for advice in one["advice"])
    level = _colour(said if serving == len(hosts) else TROUBLE)
    text = f"{serving} of {len(hosts)} {'host serves' if len(hosts) == 1 else 'hosts serve'}"
    return {"level": level, "text": text}


def _colour(level: Level | None) -> str:
    """Return the colour's name for the worst that is said."""
    return {"trouble": "bad", "warning": "warn"}.get(level or "", "good")


def host(found: Status) -> dict[str, Any]:
    """Return what the picture and the lists show of one host."""
    return {
        **found,
        "lanes": [_lane(found, name) for name in ("blue", "green")],
        "workers_shown": workers(found),
        "life": life(found),
    }


def _lane(found: Status, name: str) -> dict[str, Any]:
    slot = found["slots"][name]
    live = name == found["slot"]
    role = (
        "live" if live and found["serving"] else "down" if live else "standby" if name == found["standby"] else "idle"
    )
    counted = [one for one in slot["processes"] if one["kind"] == "worker"] or [
        one for one in slot["processes"] if one["kind"] == "main"
    ]
    return {"name": name, "role": role, **slot, "squares": [_load(one["cpu_percent"]) for one in counted]}


def workers(found: Status) -> list[dict[str, Any]]:
    """Return the live slot's processes with the bars of their processor and memory."""
    if not found["slot"]:
        return []
    processes = found["slots"][found["slot"]]["processes"]
    lone = not any(one["kind"] == "worker" for one in processes)
    most = max((one["memory_bytes"] for one in processes), default=0) or 1
    names = {"main": "worker" if lone else "manager"}
    return [
        {
            **one,
            "name": f"{names.get(one['kind'], one['kind'])} {one['pid']}",
            "cpu_width": min(one["cpu_percent"] or 0, 100),
            "memory_width": round(100 * one["memory_bytes"] / most, 1),
            "load": _load(one["cpu_percent"]),
        }
        for one in processes
    ]


def _load(percent: float | None) -> str:
    """Return how busy a worker is, for its colour."""
    return "idle" if not percent or percent < 50 else "busy" if percent <= 90 else "full"


def life(found: Status) -> dict[str, Any] | None:
    """Return where today and the renewal are in a certificate's life; None when there is none."""
    certificate = found["certificate"]
    if certificate is None:
        return None
    scale = Scale(_time(certificate["not_before"]), _time(certificate["not_after"]))
    due = certificate["renewal_due_at"]
    level = _colour(worst(one for one in found["advice"] if one["about"] == "certificate"))
    return {"now": scale.at(_time(found["at"])), "due": scale.at(_time(due)) if due else None, "level": level}


def history(hosts: Sequence[Status]) -> dict[str, Any] | None:
    """Return the releases of all hosts on one line of time, from the first that is known until now."""
    moments = [_time(event["at"]) for one in hosts for event in one["log"] if event["at"]]
    if not moments:
        return None
    scale = Scale(min(moments), max(_time(one["at"]) for one in hosts))
    return {
        "marks": scale.marks(),
        "rows": [{"host": one["host"], **_lives(one, scale)} for one in hosts],
        "events": _events(hosts),
    }


def _lives(found: Status, scale: Scale) -> dict[str, Any]:
    """Return the bars of what was live on a host, and the marks of what failed."""
    lives = [event for event in found["log"] if event["event"] == "live"]
    ends = [_time(event["at"]) for event in lives[1:]] + [_time(found["at"])]
    bars = []
    for event, end in zip(lives, ends, strict=False):
        left = scale.at(_time(event["at"]))
        width = max(round(scale.at(end) - left, 2), LEAST_PERCENT)
        label = event["release"] if width >= LABEL_PERCENT else ""
        bars.append({**event, "left": min(left, 100 - width), "width": width, "label": label})
    failed = [
        {**event, "left": scale.at(_time(event["at"]))} for event in found["log"] if event["event"] in ("failed",)
    ]
    return {"bars": bars, "failed": failed}


def _events(hosts: Sequence[Status]) -> list[dict[str, Any]]:
    """Return the newest events of all hosts, newest first; those of several hosts about one release stand together."""
    together: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in hosts:
        for event in one["log"]:
            # The same deploy reaches the hosts within a minute or so.
            key = (str(event["at"])[:15], event["event"], str(event["commit"] or event["release"]))
            together.setdefault(key, {**event, "hosts": []})["hosts"].append(one["host"])
    return sorted(together.values(), key=lambda event: str(event["at"]), reverse=True)[:EVENTS_LISTED]


def deploy(found: Status) -> dict[str, Any] | None:
    """Return the last deploy of a host with its steps as bars; None when there is none whose steps are known."""
    last = found["last_deploy"]
    if last is None or not last["steps"]:
        return None
    scale = Scale(_time(last["steps"][0]["began_at"]), _time(last["steps"][-1]["ended_at"]))
    steps = []
    for step in last["steps"]:
        left = scale.at(_time(step["began_at"]))
        width = max(round(scale.at(_time(step["ended_at"])) - left, 2), LEAST_PERCENT)
        steps.append({**step, "left": min(left, 100 - width), "width": width})
    return {**last, "host": found["host"], "bars": steps}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
