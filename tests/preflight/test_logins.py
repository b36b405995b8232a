from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.preflight.logins import can_log_in, logins_to_close, refusals
from homeport.state.logins import Logins, OtherAccount, Sshd
from homeport.state.snapshot import Login, Snapshot
from tests.state.builders import bare, make_settings

SETTINGS = make_settings()
BEFORE: Sshd = {
    "pubkeyauthentication": ("yes",),
    "passwordauthentication": ("yes",),
    "kbdinteractiveauthentication": ("no",),
    "permitrootlogin": ("without-password",),
    "authenticationmethods": ("any",),
    "requiredrsasize": ("1024",),
    "hostkeyalgorithms": ("ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512",),
}
AFTER: Sshd = {
    **BEFORE,
    "passwordauthentication": ("no",),
    "requiredrsasize": ("2048",),
    "hostkeyalgorithms": ("ssh-ed25519,rsa-sha2-512",),
}
KEY_ALONE: Sshd = {"authenticationmethods": ("publickey",)}
US = OtherAccount("debian", ("debian", "sudo"), "key", has_password=True)


def found(
    *other_accounts: OtherAccount, before: Sshd | None = None, after: Sshd | None = None, **more: object
) -> Snapshot:
    """Return a machine with these accounts beside ours; sshd has the same for all of them unless it is said."""
    everybody = (US, *other_accounts)
    logins = Logins(
        other_accounts=everybody,
        before={one.user: {**BEFORE, **(before or {} if one is not US else {})} for one in everybody},
        after={one.user: {**AFTER, **(after or {} if one is not US else {})} for one in everybody},
        host_keys=("ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"),
    )
    return replace(bare(), login=Login("debian", ("debian", "sudo")), sshd=BEFORE, logins=replace(logins, **more))  # type: ignore[arg-type]


def lines(machine: Snapshot, **data: object) -> list[str]:
    problems = refusals(make_settings(**data), machine)
    assert all(problem.fix for problem in problems)
    return [problem.line() for problem in problems]


def test_everybody_with_a_key_goes_on_coming_in() -> None:
    assert lines(found(OtherAccount("anna", key="key"), OtherAccount("bob", key="key", has_password=True))) == []


@pytest.mark.parametrize(
    ("colleague", "before", "after", "why"),
    [
        (OtherAccount("bob", has_password=True), {}, {}, "it can log in only by password"),
        (OtherAccount("bob", key="weak"), {}, {}, "its RSA key has less than 2048 bits"),
        (
            OtherAccount("bob", key="key", has_password=True),
            {"authenticationmethods": ("password",)},
            {"authenticationmethods": ("password",)},
            "AuthenticationMethods password",
        ),
        (
            OtherAccount("bob", key="key"),
            {"authenticationmethods": ("publickey,keyboard-interactive",), "kbdinteractiveauthentication": ("yes",)},
            {"authenticationmethods": ("publickey,keyboard-interactive",)},
            "AuthenticationMethods publickey,keyboard-interactive",
        ),
        (OtherAccount("root", has_password=True), {"permitrootlogin": ("yes",)}, {}, "it can log in only by password"),
        (OtherAccount("bob", key="key"), {}, {"fails": ("yes",)}, "it can log in only by password"),
    ],
)
def test_a_colleague_whose_only_way_in_would_go_is_named_until_somebody_gives_it_up(
    colleague: OtherAccount, before: Sshd, after: Sshd, why: str
) -> None:
    machine = found(colleague, before=before, after=after)
    assert lines(machine) == [
        f"sshd_hardening: these could not log in any more: {colleague.user} ({why}); give them a key first "
        f'(ssh-copy-id), or name the accounts that need not log in (sshd_close = ["{colleague.user}"]), or set '
        "sshd_hardening = False"
    ]
    assert lines(machine, sshd_close=[colleague.user]) == []
    assert str(logins_to_close(machine)[0]) == f"close SSH for {colleague.user} ({why})"


@pytest.mark.parametrize(
    ("colleague", "before", "after"),
    [
        # Who could not come in before loses nothing.
        (OtherAccount("bob", has_password=True), {"passwordauthentication": ("no",)}, {}),
        (OtherAccount("bob", has_password=True), {"denyusers": ("bob",)}, {"denyusers": ("bob",)}),
        # Debian's installer gives root a password that sshd never takes.
        (OtherAccount("root", has_password=True), {}, {}),
        (OtherAccount("root", key="key"), {"permitrootlogin": ("no",)}, {"permitrootlogin": ("no",)}),
        # A Match block goes on saying so.
        (OtherAccount("bob", has_password=True), {}, {"passwordauthentication": ("yes",)}),
        (
            OtherAccount("bob", key="key"),
            {"authenticationmethods": ("publickey",)},
            {"authenticationmethods": ("publickey",)},
        ),
        (
            OtherAccount("bob", key="key", has_password=True),
            {"authenticationmethods": ("publickey,password", "publickey")},
            {"authenticationmethods": ("publickey,password", "publickey")},
        ),
        (OtherAccount("bob", has_password=True), {}, {"authorizedkeyscommand": ("/usr/bin/sss_ssh_authorizedkeys",)}),
    ],
)
def test_a_colleague_who_loses_nothing_is_no_obstacle(colleague: OtherAccount, before: Sshd, after: Sshd) -> None:
    assert lines(found(colleague, before=before, after=after)) == []


def test_accounts_of_a_directory_that_come_by_password_are_named() -> None:
    [line] = lines(found(directory="sss"))
    assert "the accounts of the directory (sss) (they log in by password)" in line


def test_who_deploys_is_told_apart_and_cannot_be_given_up() -> None:
    machine = found()
    machine = replace(machine, logins=replace(machine.logins, other_accounts=(OtherAccount("debian", key="weak"),)))
    [line] = lines(machine)
    assert "debian, as whom homeport logs in, could not log in any more (its RSA key has less than 2048 bits)" in line
    [line] = lines(replace(machine, login=Login("debian", has_key=False)))
    assert "debian has no authorized key" in line


def test_a_host_key_that_is_shown_no_more_is_named_in_the_plan_and_refuses_nothing() -> None:
    assert lines(found()) == []
    [line] = logins_to_close(found())
    assert str(line).startswith("close SSH host key ecdsa-sha2-nistp256 (clients that know only this key must trust")
    assert logins_to_close(found(host_keys=("ssh-rsa", "ssh-ed25519"))) == ()


def test_errors_in_sshds_settings_are_named_before_anything_changes() -> None:
    [line] = lines(found(refused="/etc/ssh/sshd_config: line 9: Bad configuration option: Portt"))
    assert line.startswith(
        "sshd_hardening: sshd does not accept its settings together with homeport's (/etc/ssh/sshd_config: line 9:"
    )
    [line] = lines(found(takes_passwords=True))
    assert line.startswith("sshd_hardening: sshd would still accept passwords: /etc/ssh/sshd_config says so before")


def test_without_a_change_of_sshd_nobody_is_looked_at() -> None:
    machine = replace(bare(), login=Login("debian"))
    assert lines(machine) == []
    assert logins_to_close(machine) == ()


def test_a_second_factor_needs_no_password() -> None:
    methods: Sshd = {**BEFORE, "authenticationmethods": ("publickey,keyboard-interactive",)}
    assert can_log_in(OtherAccount("bob", key="key"), {**methods, "kbdinteractiveauthentication": ("yes",)})
    assert not can_log_in(OtherAccount("bob", has_password=True), {**methods, "kbdinteractiveauthentication": ("yes",)})
