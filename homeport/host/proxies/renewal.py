"""When certificates are looked after, and the renewal itself, which the timer begins.

Only certificates of ours are renewed, each by its name: one of somebody else's that cannot be is no failure here.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

from ..services import timers, units
from ..system.layout import LAUNCHER, PROGRAM_DIRECTORY, MachineLayout
from ..system.output import HostError, say
from . import renewal_times
from .renewal_times import Asked

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


def renew(machine: MachineLayout, certbot: str = CERTBOT, *, by_timer: bool | None = None) -> None:
    """Renew our certificates that are due; raise HostError, when all were tried, for those that cannot be renewed.

    The timer comes every hour, and asks for a certificate as often as its life is long (`renewal_times`); a failure
    stays one until it is asked again. Whoever else begins this wants each certificate to be asked for at once; without
    `by_timer` systemd tells who that was.
    """
    by_timer = _is_by_timer(machine) if by_timer is None else by_timer
    names = lineages(machine)
    failed = {name: why for name in names if (why := _look_after(machine, name, certbot, by_timer=by_timer))}
    if failed:
        each = "; ".join(f"{name}: {why}" for name, why in failed.items())
        raise HostError(f"not renewed: {each}")


def _is_by_timer(machine: MachineLayout) -> bool:
    """Tell whether the timer has begun this, by what systemd says (systemd.exec(5), since 252).

    It says so of later starts by hand too (252 and 257), and then names the same moment of the timer once more.
    """
    moment, record = os.environ.get("TRIGGER_TIMER_REALTIME_USEC", ""), machine.runtime / "renewals" / ".timer"
    if os.environ.get("TRIGGER_UNIT") != TIMER or (record.exists() and record.read_text() == moment):
        return False
    record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    record.write_text(moment)
    return True


def _look_after(machine: MachineLayout, name: str, certbot: str, *, by_timer: bool) -> str:
    """Ask Certbot for the next certificate, if it is time to; return why there is none, "" when nothing is wrong."""
    certificate = machine.root / "etc/letsencrypt/live" / name / "cert.pem"
    record, now = machine.runtime / "renewals" / name, time.time()
    life = renewal_times.life(units.run("openssl", "x509", "-noout", "-dates", "-in", str(certificate)).stdout)
    last = _asked(record, certificate)
    if by_timer and last and renewal_times.may_wait(life, last, now):
        return last.why
    why = _renew(name, certbot, forced=renewal_times.is_forced(life, now) and not _is_kept(machine, name))
    record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    record.write_text(why)
    return why


def _asked(record: Path, certificate: Path) -> Asked | None:
    """Return the last asking; None when there was none since the boot, or the certificate is a newer one."""
    try:
        asked = Asked(record.stat().st_mtime, record.read_text())
        return asked if asked.at >= certificate.stat().st_mtime else None
    except OSError:
        return None


def _is_kept(machine: MachineLayout, name: str) -> bool:
    """Tell whether somebody has told Certbot not to renew this certificate by itself."""
    text = (machine.root / "etc/letsencrypt/renewal" / f"{name}.conf").read_text(errors="replace")
    return re.search(r"^autorenew *= *False", text, re.MULTILINE) is not None


def _renew(name: str, certbot: str, *, forced: bool) -> str:
    """Return why a certificate cannot be renewed, "" when it is, or is not due. Waits for another Certbot at work."""
    now = ("--force-renewal",) if forced else ()
    command = (certbot, "renew", "--cert-name", name, *OPTIONS, *now, "--deploy-hook", f"{LAUNCHER} reload-proxy")
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            done = units.run(*command)
        except OSError as error:  # an upgrade of the distribution has taken its Python
            return f"Certbot does not start ({error.strerror}); deploy, which installs it anew"
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
