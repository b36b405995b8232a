"""Upgrades of packages, and the proxy that runs meanwhile.

Debian's packages of Nginx and Caddy restart it, which cuts every connection. While apt installs, packages are therefore
told not to (`/usr/sbin/policy-rc.d`, as Debian's policy manual has it, 9.3.3.1): afterwards homeport has the new one
take over.
"""

from __future__ import annotations

from pathlib import Path

from ..services import units
from ..system import atomic
from ..system.layout import LAUNCHER, MachineLayout
from ..system.output import say
from .chosen import proxy_of

POLICY = Path("/usr/sbin/policy-rc.d")
# What HAProxy's package does is a reload.
RESTARTED = ("nginx.service", "caddy.service")
MARK = "# Written by homeport for one run of apt."
TEXT = f"""#!/bin/sh
{MARK}
[ -x {LAUNCHER} ] || exit 0
# A package that restarts its proxy cuts every connection; homeport has the new one take over when apt has ended.
case "${{1%.service}} $2" in
    "nginx restart" | "nginx upgrade" | "caddy restart" | "caddy try-restart") exit 101 ;;
esac
exit 0
"""


def begin(machine: MachineLayout, policy: Path = POLICY) -> None:
    """Have packages leave the machine's Nginx alone; where somebody has a policy of their own, that one decides."""
    proxy = proxy_of(machine)
    if proxy.unit in RESTARTED and units.is_active(proxy.unit) and not policy.exists():
        atomic.write(policy, TEXT.encode(), 0o755)


def end(policy: Path = POLICY) -> None:
    """Let packages restart it again."""
    if is_ours(policy):
        atomic.remove(policy)


def is_ours(policy: Path = POLICY) -> bool:
    """Tell whether the policy is homeport's, which a run of apt that was killed leaves behind."""
    try:
        return MARK in policy.read_text(errors="replace")
    except OSError:
        return False


def upgrade(machine: MachineLayout) -> None:
    """Have the machine's proxy run the program and the libraries that are on the disk; nothing when it does."""
    proxy = proxy_of(machine)
    replaced = proxy.outdated()
    if not replaced:
        say(f"{proxy.title} runs what is on the disk")
        return
    say(f"{proxy.title} runs files that an upgrade has replaced: {', '.join(replaced)}")
    proxy.upgrade(machine)
