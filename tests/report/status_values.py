"""What a host program reads on a machine that is well, and what becomes of it; each test changes a little of it."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from homeport.report.status import status
from homeport.settings import Settings

NOW = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)
GIGABYTE = 2**30


@cache
def pem(*, began: int = -30, days: int = 90, issuer: str = "Authority R3", names: tuple[str, ...] = ("a.test",)) -> str:
    """Return a certificate that began so many days from NOW and lasts so many; signed by itself if by no issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    signer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]) if issuer else subject
    begin = NOW + timedelta(days=began)
    made = x509.CertificateBuilder(signer, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(begin).not_valid_after(begin + timedelta(days=days))
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    signed = made.add_extension(alternatives, critical=False).sign(key, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


def process(pid: int, kind: str = "worker") -> dict[str, Any]:
    return {"pid": pid, "kind": kind, "cpu_percent": 12.5, "memory_pss_kilobytes": 61440, "age_seconds": 7200.0}


def slot(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "release": "old",
        "unit": f"notes@{name}.service",
        "active_state": "inactive",
        "sub_state": "dead",
        "result": "success",
        "enabled": False,
        "since_seconds": None,
        "last_word_at": "2030-01-01T10:00:12.500Z",
        "restarts": 0,
        "main_pid": 0,
        "workers": [],
        "memory_pss_kilobytes": 0,
        "processes": [],
        **changes,
    }


def step(name: str, began: float, ended: float) -> dict[str, str]:
    return {
        "name": name,
        "began_at": f"2030-01-01T10:00:{began:06.3f}Z",
        "ended_at": f"2030-01-01T10:00:{ended:06.3f}Z",
    }


def entry(event: str, release: str, at: str, **more: Any) -> dict[str, Any]:
    return {"at": at, "event": event, "release": release, "slot": "green", "by": "ann@desk", "ref": "main", **more}


RAW: dict[str, Any] = {
    "app": "notes",
    "at": "2030-01-01T12:00:00.000Z",
    "live": "green",
    "standby": None,
    "release": "new",
    "record": {
        "commit": "0123456789abcdef",
        "ref": "main",
        "dirty": False,
        "by": "ann@desk",
        "created_at": "2030-01-01T10:00:00+00:00",
        "workers": 2,
        "ports": {"blue": 8001, "green": 8002},
    },
    "slots": {
        "blue": slot("blue"),
        "green": slot(
            "green",
            release="new",
            active_state="active",
            sub_state="running",
            enabled=True,
            since_seconds=7205.1,
            main_pid=10,
            workers=[11, 12],
            memory_pss_kilobytes=3 * 61440,
            processes=[process(10, "main"), process(11), process(12)],
        ),
    },
    "extras": [],
    "machine": {
        "cpu_percent": 40.0,
        "cores": 2,
        "load_1": 1.0,
        "load_5": 1.2,
        "load_15": 1.2,
        "memory_total_bytes": 2 * GIGABYTE,
        "memory_available_bytes": GIGABYTE // 2,
        "swap_total_bytes": 0,
        "swap_free_bytes": 0,
        "uptime_seconds": 864000,
        "reboot_required": False,
    },
    "disks": [
        {
            "path": "/",
            "total_bytes": 20 * GIGABYTE,
            "free_bytes": 15 * GIGABYTE,
            "used_percent": 25.0,
            "inodes_used_percent": 5.0,
        }
    ],
    "certificate": {"pem": "", "served": True},
    "renewal": {
        "timer_active": True,
        "next_check_at": "2030-01-01T14:00:00Z",
        "last_check_at": "2030-01-01T02:00:00Z",
        "last_result": "success",
    },
    "hold": None,
    "maintenance": None,
    "log": [
        entry("started", "old", "2029-12-31T10:00:00Z"),
        entry("live", "old", "2029-12-31T10:00:05Z"),
        entry(
            "started",
            "new",
            "2030-01-01T10:00:06Z",
            steps=[step("prepare", 2, 2.5), step("hooks", 2.5, 2.501), step("migration", 2.5, 4), step("start", 4, 6)],
        ),
        entry("live", "new", "2030-01-01T10:00:10Z", steps=[step("switch", 6, 6.1), step("watch", 6.1, 11)]),
    ],
}


def raw(**changes: Any) -> dict[str, Any]:
    """Return what the host program reads; a key of a change may have dots for what lies deeper."""
    made = copy.deepcopy(RAW)
    made["certificate"]["pem"] = pem()
    for key, value in changes.items():
        place, *rest = key.split("__")
        within = made
        for name in rest:
            within, place = within[place], name
        within[place] = value
    return made


def found(*, settings: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return what `homeport status` makes of it, with the host's name."""
    given = Settings(app_name="notes", domain="a.test", **(settings or {}))
    return {"host": "web1", **status(raw(**changes), given)}
