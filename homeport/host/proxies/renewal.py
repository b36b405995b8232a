"""When certificates are looked after, and the renewal itself, which the timer begins.

Only certificates of ours are renewed, each by its name: one of somebody else's that cannot be is no failure here.
"""

from __future__ import annotations

import re
import time
from typing import Any

from ..services import timers, units
from ..system.layout import LAUNCHER, PROGRAM_DIRECTORY, MachineLayout
from ..system.output import HostError, say

TIMER = "homeport-renew.timer"
SERVICE = "homeport-renew.service"
CERTBOT = f"{PROGRAM_DIRECTORY}/certbot"
# What a lineage of ours is renewed with: our webroot, credentials, hook. A snapshot is given it, `certbot.sh` has it.
OURS = re.compile(r"= *(/var/www/homeport-acme|/etc/homeport/|/usr/local/lib/homeport/)")
# The folders with hooks are everybody's, and those that Certbot has noted for a lineage were of another one's defaults.
OPTIONS = (
    "--non-interactive",
    "--no-random-sleep-on-renew",
    "--no-directory-hooks",
    "--pre-hook",
    "",
    "--post-hook",
    "",
)
BUSY, BUSY_SECONDS, PAUSE_SECONDS = "Another instance of Certbot", 300.0, 2.0


def renewal() -> dict[str, Any]:
    """Return whether the timer is on, when it looks next and has looked last, and how that ended."""
    upcoming, last = timers.runs(TIMER)
    return {
        "timer_active": units.is_active(TIMER),
        "next_check_at": upcoming,
        "last_check_at": last,
        "last_result": units.show(SERVICE).get("Result", "") if last else None,
    }


def lineages(machine: MachineLayout) -> list[str]:
    """Return the names of Certbot's certificates that are ours."""
    files = sorted((machine.root / "etc/letsencrypt/renewal").glob("*.conf"))
    return [path.stem for path in files if is_ours(path.read_text(errors="replace"))]


def is_ours(description: str, app: str = "") -> bool:
    """Tell by its renewal configuration whether a lineage of Certbot's is homeport's; with `app`, that application's.

    The second is less: what names another application's credentials, or only our hook, is renewed by us, and is not
    deleted with `app`.
    """
    if app:
        return bool(re.search(rf"= *(/var/www/homeport-acme|/etc/homeport/{re.escape(app)}/)", description))
    return bool(OURS.search(description))


def renew(machine: MachineLayout, certbot: str = CERTBOT) -> None:
    """Renew our certificates that are due; raise HostError, when all were tried, for those that cannot be renewed."""
    failed = {name: why for name in lineages(machine) if (why := _renew(name, certbot))}
    if failed:
        each = "; ".join(f"{name}: {why}" for name, why in failed.items())
        raise HostError(f"not renewed: {each}")


def _renew(name: str, certbot: str) -> str:
    """Return why a certificate cannot be renewed, "" when it is, or is not due. Waits for another Certbot at work."""
    command = (certbot, "renew", "--cert-name", name, *OPTIONS, "--deploy-hook", f"{LAUNCHER} reload-proxy")
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        done = units.run(*command)
        text = done.stdout + done.stderr
        if not done.returncode or BUSY not in text or time.monotonic() > deadline:
            break
        time.sleep(PAUSE_SECONDS)
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("- - -", "Ask for help"))]
    for line in lines:
        say(line)
    if not done.returncode:
        return ""
    told = [
        re.sub(r"^.*(with error|Detail): *", "", line).strip()
        for line in lines
        if re.search(r"with error:|Detail:", line)
    ]
    return " ".join(told) or (lines[-1] if lines else f"Certbot ended with status {done.returncode}")
