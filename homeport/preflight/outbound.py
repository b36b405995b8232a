"""How a host goes out by the controller: when it has to, what sshd there allows, and what does not hold. Pure."""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatch

from homeport.certificates.comparison import certificate_reason
from homeport.comparison.compare import missing_packages, tools_changes
from homeport.comparison.environment import dependency_changes
from homeport.errors import HomeportError, UsageError
from homeport.settings import Settings
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Wanted

# Where sshd is asked to listen on the host.
ADDRESS = "127.0.0.1"
NEEDS = "AllowTcpForwarding remote, PermitListen 127.0.0.1:*"


def fetches(wanted: Wanted, found: Snapshot, now: datetime) -> bool:
    """Tell whether a deploy has to get something from elsewhere."""
    return bool(
        missing_packages(wanted, found)
        or tools_changes(wanted, found)
        or dependency_changes(wanted, found)
        or (wanted.certificate and certificate_reason(wanted.certificate, found, now))
    )


def refusal(settings: Settings, wanted: Wanted, found: Snapshot, now: datetime) -> HomeportError | None:
    """Return why sshd will not listen for us on the host, as far as its settings tell (sshd_config(5))."""
    if settings.outbound == "host" or not fetches(wanted, found, now):
        return None
    user = found.login.user if found.login else "the login"
    if found.sshd.get("disableforwarding") == ("yes",):
        return refused(user, "DisableForwarding yes")
    allowed = " ".join(found.sshd.get("allowtcpforwarding", ("yes",)))
    if allowed not in ("yes", "all", "remote"):
        return refused(user, f"AllowTcpForwarding {allowed}")
    listen = " ".join(found.sshd.get("permitlisten", ("any",))).split()
    if listen != ["any"] and not any(_permits(one) for one in listen):
        return refused(user, f"PermitListen {' '.join(listen)}")
    return None


def _permits(one: str) -> bool:
    """Tell whether a value of PermitListen lets us choose any port on the loopback device."""
    host, _, port = one.rpartition(":")
    return port == "*" and (not host or fnmatch(ADDRESS, host))


def refused(user: str, why: str) -> HomeportError:
    """Return the error for a host whose sshd does not listen for us; `why` is what it has instead."""
    needs = f"DisableForwarding no, {NEEDS}" if why.startswith("DisableForwarding") else NEEDS
    return HomeportError(
        f"sshd on the host does not let {user} forward a port, by which it would go out ({why})",
        key="outbound",
        fix=f'allow it, in a file of /etc/ssh/sshd_config.d: Match User {user}, {needs}; or set outbound = "host"',
    )


def warnings(settings: Settings) -> tuple[str, ...]:
    """Return what a host without a way of its own lacks between deploys, a line each; none for other hosts."""
    if settings.outbound == "host":
        return ()
    lines = []
    if settings.security_upgrades:
        fix = "run homeport upgrade TARGET every day or week, or give the host a mirror that it reaches"
        problem = "between deploys this host cannot reach the internet, so it gets no security upgrades by itself"
        lines.append(UsageError(problem, key="outbound", fix=fix).line())
    if settings.tls == "acme":
        fix = "deploy, or run homeport cert TARGET --renew, once it is due (homeport status TARGET shows when)"
        problem = "the timer cannot renew the certificate unless the host reaches the authority by itself"
        lines.append(UsageError(problem, key="outbound", fix=fix).line())
    return tuple(lines)
