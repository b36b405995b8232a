"""Whether sshd's settings on the host's disk would still accept our login. Pure.

Only what is certain is refused: the dead man's switch is there for the rest.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from homeport.errors import HomeportError
from homeport.state.logins import Sshd
from homeport.state.snapshot import Login


def lockout(login: Login | None, sshd: Sshd) -> HomeportError | None:
    """Return why the user that we are logged in as could not log in with a key once sshd reads `sshd` (`sshd -T`)."""
    if login is None or not sshd:
        return None
    if login.user == "root" and sshd.get("permitrootlogin") == ("no",):
        return _error(
            "sshd's settings on disk no longer let root log in (PermitRootLogin no)", "log in as another user"
        )
    if reason := turned_away(login, sshd):
        return _error(
            f"sshd's settings on disk refuse the login of {login.user} ({reason})", "correct them in /etc/ssh"
        )
    if not login.has_key and not keys_from_elsewhere(sshd):
        return _error(
            f"{login.user} has no authorized key, and could not log in without a password",
            "add your key on the host (ssh-copy-id), or set sshd_hardening = False",
        )
    return None


def _error(problem: str, fix: str) -> HomeportError:
    return HomeportError(problem, key="ssh", fix=fix)


def turned_away(login: Login, sshd: Sshd) -> str:
    """Return the directive that turns the user away, as sshd_config(5) has it: both lists must let the user in."""
    for what, names in (("users", (login.user,)), ("groups", login.groups)):
        denied, allowed = sshd.get(f"deny{what}", ()), sshd.get(f"allow{what}", ())
        if any(fnmatchcase(name, pattern) for name in names for pattern in denied):
            return f"Deny{what.capitalize()} {' '.join(denied)}"
        # Rules for certain addresses only (`name@address`) are not evaluated here.
        if allowed and not any(fnmatchcase(name, one.partition("@")[0]) for name in names for one in allowed):
            return f"Allow{what.capitalize()} {' '.join(allowed)}"
    return ""


def keys_from_elsewhere(sshd: Sshd) -> bool:
    """Tell whether sshd has keys from where the disk does not show them: a command, or an authority for users."""
    sources = (sshd.get(name, ("none",)) for name in ("authorizedkeyscommand", "trustedusercakeys"))
    return any(value != ("none",) for value in sources)
