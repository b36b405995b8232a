from __future__ import annotations

import pytest

from homeport.preflight.lockout import lockout
from homeport.state.snapshot import Login

LOGIN = Login("debian", ("debian", "sudo"))
Sshd = dict[str, tuple[str, ...]]


@pytest.mark.parametrize(
    ("login", "sshd", "said"),
    [
        (LOGIN, {"allowusers": ("nobody",)}, "AllowUsers nobody"),
        (LOGIN, {"allowusers": ("deb", "root@10.0.0.1")}, "AllowUsers deb root@10.0.0.1"),
        (LOGIN, {"denyusers": ("deb*",)}, "DenyUsers deb*"),
        (LOGIN, {"allowgroups": ("ssh-users",)}, "AllowGroups ssh-users"),
        (LOGIN, {"denygroups": ("sudo",)}, "DenyGroups sudo"),
        (Login("debian", has_key=False), {"port": ("22",)}, "no authorized key"),
        (Login("debian", has_key=False), {"authorizedkeyscommand": ("none",)}, "no authorized key"),
        (Login("root"), {"permitrootlogin": ("no",)}, "PermitRootLogin no"),
    ],
)
def test_a_certain_lockout_is_refused(login: Login, sshd: Sshd, said: str) -> None:
    problem = lockout(login, sshd)
    assert problem is not None
    assert said in problem.line()


@pytest.mark.parametrize(
    ("login", "sshd"),
    [
        (LOGIN, {"port": ("22",)}),
        (LOGIN, {"allowusers": ("deb?an", "nobody"), "allowgroups": ("sudo",)}),
        # From which address we come is not for us to reckon: the new connection will show.
        (LOGIN, {"allowusers": ("debian@192.0.2.1",)}),
        (LOGIN, {"denyusers": ("nobody",), "denygroups": ("games",), "permitrootlogin": ("no",)}),
        (Login("debian", has_key=False), {"authorizedkeyscommand": ("/usr/bin/sss_ssh_authorizedkeys",)}),
        (Login("debian", has_key=False), {"trustedusercakeys": ("/etc/ssh/ca.pub",)}),
        (Login("root"), {"permitrootlogin": ("without-password",)}),
        (None, {"allowusers": ("nobody",)}),
        (Login("debian", has_key=False), {}),
    ],
)
def test_a_possible_login_is_not_refused(login: Login | None, sshd: Sshd) -> None:
    assert lockout(login, sshd) is None
