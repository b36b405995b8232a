"""The plan that all peers follow: what a user would write down of a host that homeport has provisioned.

It is read from such a host, so that every peer must find nothing to change there. Left out, in the peers' favour, is
what homeport alone needs or what a peer could not leave unchanged: its host program and records, the release's code
with its dependencies, the certificate.
"""

from __future__ import annotations

import base64
import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.floor import APP, FURTHER_PACKAGES, MANAGED
from benchmarks.stage import Stage
from homeport.lab import LabHost
from homeport.machine.packages import PACKAGES
from homeport.state.wanted import ACCOUNT_COMMENT

LISTING = Path(__file__).with_name("listing.py")
# Shell patterns, below the root: homeport's own business, and what the machine or its application writes.
LEFT_OUT = (
    f"etc/homeport/{APP}/*.json",
    f"etc/homeport/{APP}/placeholder*",
    f"etc/homeport/{APP}/releases*",
    f"etc/homeport/{APP}/slots*",
    "etc/letsencrypt/renewal-hooks",
    "etc/letsencrypt/renewal-hooks/p*",
    "etc/systemd/system/multi-user.target.wants*",
    f"srv/{APP}/releases.jsonl",
    f"srv/{APP}/releases/*",
    f"srv/{APP}/venvs/*",
    "usr/local/lib/homeport*",
    f"var/cache/homeport/{APP}/*",
    f"var/lib/{APP}/*",
)
ABSENT = ("/etc/nginx/sites-enabled/default",)
UNITS = (
    "nginx.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "logrotate.timer",
    "homeport-renew.timer",
    "homeport-access.service",
    f"{APP}@blue.service",
)


@dataclass(frozen=True)
class Plan:
    """A folder with `plan.json` and the files that it names, and how many things it asks for."""

    folder: Path
    operations: int


def read_plan(stage: Stage, host: LabHost, folder: Path) -> Plan:
    """Write down in `folder` what is on a provisioned host."""
    words = shlex.join(["sudo", "python3", "-", json.dumps({"managed": MANAGED, "left_out": LEFT_OUT})])
    found = json.loads(stage.ssh(host, words, stdin=LISTING).output)
    upkeep = stage.ssh(host, "systemctl list-units --plain --no-legend 'homeport-upkeep@*' | cut -d ' ' -f 1").output
    return write_plan(found, (*UNITS, upkeep.strip()), folder)


def write_plan(found: dict[str, list[dict[str, str]]], units: tuple[str, ...], folder: Path) -> Plan:
    """Write plan.json, and each file's content beside it, from what `listing.py` has printed."""
    folder.mkdir(parents=True)
    for number, file in enumerate(found["files"]):
        file["source"] = str(folder / f"file{number}")
        Path(file["source"]).write_bytes(base64.b64decode(file.pop("content")))
    account = {"name": APP, "home": f"/var/lib/{APP}", "shell": "/usr/sbin/nologin", "comment": ACCOUNT_COMMENT}
    plan: dict[str, Any] = {
        "packages": [*PACKAGES, *FURTHER_PACKAGES],
        "account": account,
        **found,
        "absent": ABSENT,
        "units": units,
    }
    (folder / "plan.json").write_text(json.dumps(plan, indent=1))
    return Plan(folder, count(plan))


def count(plan: dict[str, Any]) -> int:
    """Return how many operations the plan is: one for all packages, two for the account and its group, one a thing."""
    return 1 + 2 + sum(len(plan[kind]) for kind in ("directories", "files", "links", "absent", "units"))
