from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import pytest

from homeport.host.commands import upgrades
from homeport.host.proxies import upgrading
from homeport.host.proxies.chosen import PROXIES
from homeport.host.services import units
from homeport.host.system.layout import MachineLayout


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What systemd was told; the proxy runs."""
    told: list[str] = []
    monkeypatch.setattr(units, "is_active", lambda unit: unit in ("nginx.service", "caddy.service"))

    def tell(*command: str) -> str:
        told.append(" ".join(command))
        return ""

    monkeypatch.setattr(units, "run_checked", tell)
    return told


def asked(policy: Path, *arguments: str) -> int:
    return subprocess.run([policy, *arguments], check=False).returncode


def test_while_apt_is_at_work_caddys_package_does_not_restart_it(started: list[str], tmp_path: Path) -> None:
    machine, policy = MachineLayout(tmp_path), tmp_path / "policy-rc.d"
    machine.sites.mkdir(parents=True)
    machine.proxy_record.write_text('{"proxy": "caddy"}')
    upgrading.begin(machine, policy)
    policy.write_text(policy.read_text().replace("[ -x /usr/local/lib/homeport/homeport-host ]", "[ -x /bin/sh ]"))
    assert asked(policy, "caddy.service", "try-restart") == 101
    assert asked(policy, "caddy.service", "restart") == 101
    assert asked(policy, "caddy.service", "start") == 0


def test_while_apt_is_at_work_packages_do_not_restart_nginx(started: list[str], tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    upgrading.begin(MachineLayout(tmp_path), policy)
    without_homeport = policy.read_text().replace("[ -x /usr/local/lib/homeport/homeport-host ]", "[ -x /nowhere ]")
    policy.write_text(policy.read_text().replace("[ -x /usr/local/lib/homeport/homeport-host ]", "[ -x /bin/sh ]"))
    # 101: the action is forbidden (Debian's policy manual, 9.3.3.1).
    assert asked(policy, "nginx.service", "restart") == 101
    assert asked(policy, "nginx", "upgrade") == 101
    assert asked(policy, "nginx", "status") == 0
    assert asked(policy, "nginx", "reload") == 0
    assert asked(policy, "postgresql.service", "restart") == 0
    # What outlives homeport forbids nothing.
    policy.write_text(without_homeport)
    assert asked(policy, "nginx.service", "restart") == 0


def test_a_nginx_that_is_not_the_machines_proxy_is_its_owners(started: list[str], tmp_path: Path) -> None:
    machine = MachineLayout(tmp_path)
    machine.sites.mkdir(parents=True)
    machine.proxy_record.write_text('{"proxy": "haproxy"}')
    upgrading.begin(machine, tmp_path / "policy-rc.d")
    assert not (tmp_path / "policy-rc.d").exists()


def test_afterwards_they_may(started: list[str], tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    upgrading.begin(MachineLayout(tmp_path), policy)
    upgrading.end(policy)
    assert not policy.exists()


@pytest.mark.parametrize("replaced", [[], ["/usr/sbin/nginx"]])
def test_a_proxy_that_apt_has_replaced_is_taken_over_and_no_other(
    started: list[str], replaced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(PROXIES["nginx"]), "outdated", lambda self: replaced)
    upgrades.package_run(argparse.Namespace(moment="end"), [])
    assert started == (["systemctl start --no-block homeport-use-upgrades@proxy.service"] if replaced else [])


def test_somebodys_own_policy_decides_and_stays(started: list[str], tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    upgrading.begin(MachineLayout(tmp_path), policy)
    upgrading.end(policy)
    assert policy.read_text() == "#!/bin/sh\nexit 101\n"


def test_what_a_killed_run_of_apt_left_is_removed_by_the_next(started: list[str], tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    upgrading.begin(MachineLayout(tmp_path), policy)
    upgrading.begin(MachineLayout(tmp_path), policy)
    upgrading.end(policy)
    assert not policy.exists()


def test_where_nginx_does_not_run_packages_may_start_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "is_active", lambda unit: False)
    upgrading.begin(MachineLayout(tmp_path), tmp_path / "policy-rc.d")
    assert not (tmp_path / "policy-rc.d").exists()
