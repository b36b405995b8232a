"""A site that is well, for tests to break one thing of."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from homeport.certificates.lifetime import Certificate
from homeport.diagnosis import Case
from homeport.diagnosis.case import OPEN, Visit
from homeport.probe.observations import Observations, UnitObservation
from homeport.settings import Settings

NOW = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
ADDRESS = "192.0.2.7"
NAME = "notes.example.com"
CERTIFICATE = Certificate((NAME,), "Authority", NOW - timedelta(days=20), NOW + timedelta(days=70), self_signed=False)


def unit(active: str = "active", **values: Any) -> UnitObservation:
    """Return the state of a unit, one that is well unless said otherwise."""
    well: dict[str, Any] = {
        "load": "loaded",
        "active": active,
        "sub": "running",
        "result": "success",
        "enabled": "enabled",
        "restarts": 0,
        "ending": "status 0",
        "since": "Mon 2026-05-04 02:00:00 UTC",
        "last": [],
        "manager": "systemd",
    }
    return {**well, **values}  # type: ignore[typeddict-item]


WELL: Observations = {
    "deployed": True,
    "unread": {},
    "units": {
        "nginx.service": unit(),
        "homeport-renew.timer": unit(),
        "homeport-renew.service": unit("inactive"),
        "notes@blue.service": unit(),
        "notes-migrate@blue.service": unit(),
        "notes@green.service": unit("inactive", enabled="disabled"),
        "notes.queue@blue.service": unit(),
    },
    "failed_units": [],
    "reboot_required": False,
    "replaced": {},
    "names": [{"name": NAME, "addresses": [ADDRESS], "problem": ""}],
    "addresses": [ADDRESS],
    "listening": {"80": ["nginx"], "443": ["nginx"], "8001": ["fastapi"], "8002": []},
    "firewall": "",
    "filters": [],
    "disks": [
        {
            "path": "/",
            "total_bytes": 20 * 2**30,
            "free_bytes": 10 * 2**30,
            "used_percent": 50.0,
            "inodes_used_percent": 10.0,
            "free_inodes": 900_000,
            "free_inodes_percent": 90.0,
            "read_only": False,
            "largest": [],
        }
    ],
    "memory": {
        "total_kilobytes": 2_000_000,
        "available_kilobytes": 900_000,
        "pressure_percent": 0.0,
        "kills": 0,
        "kills_age_seconds": None,
        "killed": [],
    },
    "clock": {"now": NOW.timestamp(), "synchronised": True},
    "site": {
        "proxy": "Nginx",
        "unit": "nginx.service",
        "file": "notes.conf",
        "template": "nginx/site.conf",
        "there": True,
        "names": [NAME],
        "ports": {"blue": 8001, "green": 8002},
        "edits": [],
        "config_problem": "",
        "stale": False,
        "errors": [],
        "through_proxy": "answered 200",
        "rivals": [],
    },
    "handshakes": {"protocols": ["TLSv1.2", "TLSv1.3"], "other_curve": False, "default": ""},
    "certificate": {
        "folder": "/etc/letsencrypt/live/notes",
        "served_differs": False,
        "renewal_configured": True,
    },
    "slot": {
        "name": "blue",
        "release": "0123456789ab",
        "port": 8001,
        "good": True,
        "status": 200,
        "answer": "/health answered 200",
        "body": "",
        "missing": [],
        "other_active": False,
    },
    "python": {"path": "/usr/bin/python3.13", "name": "python3.13", "there": True, "lasting": True},
    "denied": [],
    "state_link": "",
    "exposed": [],
    "locks": [],
    "servers": [],
    "requests": {},
    "deploys": {"running": "", "held": None, "closed": None, "events": [], "migration_log": []},
}


def settings(**values: Any) -> Settings:
    """Return settings of the site."""
    return Settings(**{"app_name": "notes", "domain": NAME, **values})


def visit(**values: Any) -> Visit:
    """Return what a visitor of the site meets, all well unless said otherwise."""
    return replace(Visit(ADDRESS, OPEN, OPEN, CERTIFICATE, 200), **values)


def observed(**parts: Any) -> Observations:
    """Return what is seen of a host that is well, but for `parts`: dictionaries are merged, all else is replaced."""
    found: dict[str, Any] = copy.deepcopy(dict(WELL))
    for name, part in parts.items():
        merged = isinstance(part, dict) and isinstance(found.get(name), dict)
        found[name] = {**found[name], **part} if merged else part
    return found  # type: ignore[return-value]


def case(**values: Any) -> Case:
    """Return the case of a site that is well, but for `values`."""
    well: dict[str, Any] = {
        "settings": settings(),
        "now": NOW,
        "address": ADDRESS,
        "names": {NAME: (ADDRESS,)},
        "visits": (visit(),),
        "observed": observed(),
    }
    return Case(**{**well, **values})
