"""Finds the accounts that could not log in any more once sshd reads our drop-in file, and our own. Pure.

Only what is certain counts: an account that could come in before by what sshd itself says of it (`sshd -T -C user=…`),
and could not after.
"""

from __future__ import annotations

from homeport.errors import HomeportError
from homeport.preflight.lockout import keys_from_elsewhere, lockout, turned_away
from homeport.settings import Settings
from homeport.state.changes import Change
from homeport.state.logins import Logins, OtherAccount, Sshd
from homeport.state.snapshot import Login, Snapshot

SHORTEST_RSA_KEY_BITS = 2048


def refusals(settings: Settings, found: Snapshot) -> tuple[HomeportError, ...]:
    """Return why sshd's drop-in file is not put in place: sshd refuses it, or it would keep somebody out."""
    ours = lockout(found.login, found.sshd)
    logins = found.logins
    if logins.refused:
        return (
            _error(
                f"sshd does not accept its settings together with homeport's ({logins.refused})",
                "correct them in /etc/ssh",
            ),
        )
    problems = [ours] if ours else []
    if logins.takes_passwords:
        problem = "sshd would still accept passwords: /etc/ssh/sshd_config says so before it includes "
        problem += "/etc/ssh/sshd_config.d/*.conf, or does not include it"
        problems.append(_error(problem, "put this at its beginning: Include /etc/ssh/sshd_config.d/*.conf"))
    us = found.login.user if found.login else ""
    lost = {one.user: why for one, why in _lost_accounts(logins) if one.user not in settings.sshd_close}
    if us in lost and ours:
        del lost[us]
    elif us in lost:
        problems.append(
            _error(f"{us}, as whom homeport logs in, could not log in any more ({lost.pop(us)})", "add a key")
        )
    if lost:
        named = ", ".join(f"{user} ({why})" for user, why in lost.items())
        names = ", ".join(f'"{user}"' for user in lost)
        fix = f"give them a key first (ssh-copy-id), or name the accounts that need not log in (sshd_close = [{names}])"
        problems.append(_error(f"these could not log in any more: {named}", fix))
    return tuple(problems)


def logins_to_close(found: Snapshot) -> tuple[Change, ...]:
    """Return the lines of a plan that name who, and what, is kept out."""
    lines = [Change("close", f"SSH for {one.user}", why) for one, why in _lost_accounts(found.logins)]
    for kind in _withdrawn(found):
        reason = "clients that know only this key must trust another key of the host; overrides/ssh/sshd.conf keeps it"
        lines.append(Change("close", f"SSH host key {kind}", reason))
    return tuple(lines)


def _error(problem: str, fix: str) -> HomeportError:
    return HomeportError(problem, key="sshd_hardening", fix=f"{fix}, or set sshd_hardening = False")


def _lost_accounts(logins: Logins) -> list[tuple[OtherAccount, str]]:
    """Return who could come in before and could not after, each with the reason."""
    lost = [
        (one, _reason(one, logins.after[one.user]))
        for one in logins.other_accounts
        if one.user in logins.after
        and can_log_in(one, logins.before.get(one.user, {}))
        and not can_log_in(one, logins.after[one.user])
    ]
    everybody = OtherAccount(f"the accounts of the directory ({logins.directory})", has_password=True)
    # Nobody in particular is asked for: whose settings are looked at is of no account where there is no Match block.
    before, after = (next(iter(side.values()), {}) for side in (logins.before, logins.after))
    if logins.directory and after and can_log_in(everybody, before) and not can_log_in(everybody, after):
        lost.append((everybody, "they log in by password"))
    return lost


def can_log_in(one: OtherAccount, sshd: Sshd) -> bool:
    """Tell whether an account can log in by what sshd has for it (`sshd -T -C user=…`), sshd_config(5)."""
    if "fails" in sshd or (one.user == "root" and sshd.get("permitrootlogin", ("yes",)) == ("no",)):
        return False
    if turned_away(Login(one.user, one.groups), sshd):
        return False
    alternatives = " ".join(sshd.get("authenticationmethods", ("any",))).split()
    if alternatives == ["any"]:
        return any(_can_by(one, method, sshd) for method in ("publickey", "password", "keyboard-interactive"))
    return any(all(_can_by(one, method, sshd) for method in alternative.split(",")) for alternative in alternatives)


def _can_by(one: OtherAccount, method: str, sshd: Sshd) -> bool:
    name = method.partition(":")[0]
    if name == "publickey":
        return _is_allowed_value(sshd, "pubkeyauthentication") and _has_key(one, sshd)
    if name in ("password", "keyboard-interactive"):
        keyword = "passwordauthentication" if name == "password" else "kbdinteractiveauthentication"
        # A second factor (keyboard-interactive after a key) needs no password.
        may = one.has_password or (name == "keyboard-interactive" and bool(one.key))
        return (
            _is_allowed_value(sshd, keyword)
            and may
            and (one.user != "root" or sshd.get("permitrootlogin") in (None, ("yes",)))
        )
    keyword = {"gssapi-with-mic": "gssapiauthentication", "hostbased": "hostbasedauthentication"}.get(name, "")
    return _is_allowed_value(sshd, keyword)


def _is_allowed_value(sshd: Sshd, keyword: str) -> bool:
    return sshd.get(keyword) == ("yes",)


def _has_key(one: OtherAccount, sshd: Sshd) -> bool:
    if one.key == "key" or keys_from_elsewhere(sshd):
        return True
    return one.key == "weak" and int(sshd.get("requiredrsasize", ("0",))[0]) < SHORTEST_RSA_KEY_BITS


def _reason(one: OtherAccount, after: Sshd) -> str:
    methods = " ".join(after.get("authenticationmethods", ("any",)))
    if methods != "any" and _has_key(one, after):
        return f"AuthenticationMethods {methods}"
    if one.key == "weak":
        return f"its RSA key has less than {SHORTEST_RSA_KEY_BITS} bits"
    return "it can log in only by password"


def _withdrawn(found: Snapshot) -> tuple[str, ...]:
    """Return the types of host keys that sshd shows now and would not show any more."""
    user = found.login.user if found.login else ""
    before, after = (side.get(user, {}) for side in (found.logins.before, found.logins.after))
    if not before or not after:
        return ()
    return tuple(kind for kind in found.logins.host_keys if _shows(kind, before) and not _shows(kind, after))


def _shows(kind: str, sshd: Sshd) -> bool:
    algorithms = " ".join(sshd.get("hostkeyalgorithms", ())).replace(",", " ").split()
    # The signatures of an RSA key have names of their own.
    return kind in algorithms or (kind == "ssh-rsa" and any(name.startswith("rsa-sha2") for name in algorithms))
