"""Which way the lab takes on a computer, and what is told to whoever it lacks something: pure, but for the trials."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest

from homeport.errors import LabError, UsageError
from homeport.lab import Lab, LabDirectory, LabHost, machine, ports, processes, ready, site, sources, ways
from homeport.lab.capabilities import Capabilities, try_capabilities
from homeport.lab.context import LabContext
from homeport.lab.network import Network

NOT_PERMITTED = "unshare: unshare failed: Operation not permitted"
# What was found on three computers: root, root in a container with Docker's default profile, a plain user.
ROOT = Capabilities(user_namespaces="/etc/subuid gives 'root' no ids")
CONTAINER = Capabilities(
    mount=NOT_PERMITTED,
    overlay=NOT_PERMITTED,
    bridge="creating a bridge: Operation not permitted",
    kernel_settings="/proc/sys/net/ipv4/ip_forward: Read-only file system",
    user_namespaces=NOT_PERMITTED,
)
USER = replace(CONTAINER, chroot="chown: Operation not permitted", user_namespaces="")
USER_IN_CONTAINER = replace(USER, user_namespaces=NOT_PERMITTED)


@pytest.mark.parametrize(
    ("trials", "name", "build"),
    [
        (ROOT, "nspawn", "root"),
        (replace(ROOT, overlay="mount: wrong fs type"), "qemu", "root"),
        (replace(ROOT, bridge="creating a bridge: Operation not permitted"), "qemu-user", "root"),
        (CONTAINER, "qemu-user", "unmounted"),
        (USER, "qemu-user", "unshare"),
        (USER_IN_CONTAINER, "qemu-user", "fakechroot"),
    ],
)
def test_the_best_way_that_the_computer_allows_is_taken(trials: Capabilities, name: str, build: str) -> None:
    way = ways.choose(trials, {})
    assert (way.name, way.build) == (name, build)
    assert (way.backend, way.loopback) == ("nspawn" if name == "nspawn" else "qemu", name == "qemu-user")


def test_the_lab_says_why_it_does_not_take_a_better_way() -> None:
    assert ways.choose(ROOT, {}).line().endswith(": this computer allows all that it takes")
    line = ways.choose(CONTAINER, {}).line()
    assert f": machines in namespaces cannot be used here ({NOT_PERMITTED}); a bridge cannot be used here (" in line
    assert "\n" not in line


def test_a_way_of_the_lab_can_be_chosen_if_it_works() -> None:
    assert ways.choose(ROOT, {ways.VARIABLE: "qemu-user"}).name == "qemu-user"
    with pytest.raises(LabError, match=f"HOMEPORT_LAB_WAY: nspawn does not work here \\({NOT_PERMITTED}\\); leave it"):
        ways.choose(CONTAINER, {ways.VARIABLE: "nspawn"})
    with pytest.raises(UsageError, match="'podman' is not a way; take one of nspawn, qemu, qemu-user"):
        ways.choose(ROOT, {ways.VARIABLE: "podman"})


def test_the_needs_of_a_way_are_one_list() -> None:
    user = {machine.PACKAGE_OF[command] for command in ways.choose(USER, {}).commands()}
    assert {"dnsmasq-base", "pebble", "mmdebstrap", "qemu-utils", "uidmap", "fakeroot", "e2fsprogs"} < user
    assert not user & {"nftables", "iproute2", "systemd-container", "fakechroot"}
    assert "fakechroot" in ways.choose(USER_IN_CONTAINER, {}).commands()
    assert not {"fakeroot", "newuidmap"} & set(ways.choose(CONTAINER, {}).commands())
    assert {"systemd-nspawn", "ip", "nft"} < set(ways.choose(ROOT, {}).commands())
    assert {"qemu-img", "ip", "nft"} < set(ways.choose(ROOT, {}).commands("qemu"))


def test_every_command_that_a_way_needs_has_its_package() -> None:
    for trials in (ROOT, CONTAINER, USER, USER_IN_CONTAINER):
        way = ways.choose(trials, {})
        assert set(way.commands()) | set(way.commands("qemu")) | set(ready.CALLED) <= set(machine.PACKAGE_OF)


def test_a_backend_that_does_not_work_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "here", lambda _: ways.choose(USER, {}))
    with pytest.raises(LabError, match=r"the nspawn backend does not work here \(unshare: .*\); take '--backend qemu'"):
        Lab(LabDirectory(tmp_path / "lab")).up(backend="nspawn")
    assert not (tmp_path / "lab").exists()


def test_on_another_system_the_lab_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    ways.here.cache_clear()
    with pytest.raises(LabError, match="the lab needs Linux, and this is darwin; run it in a Debian machine or"):
        Lab(LabDirectory(tmp_path / "lab")).up()
    assert not (tmp_path / "lab").exists()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer that has nothing of what the lab needs, and where its user cannot install it."""
    monkeypatch.setattr(ways, "here", lambda _: ways.choose(USER, {}))
    monkeypatch.setattr(machine, "find_command", lambda name: name if name == "apt-get" else None)
    monkeypatch.setattr(machine, "DPKG_LOCK", Path("/nowhere/lock"))
    monkeypatch.setattr(ready, "_python_packages", lambda: ["python3-venv"])
    monkeypatch.setattr(ports, "require_free", lambda _: None)


def test_missing_packages_are_one_line_with_one_command(bare: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert ready.main("demo") == 1
    *_, error = capsys.readouterr().err.splitlines()
    assert error.startswith("error: this computer lacks curl, dnsmasq-base, e2fsprogs, fakeroot, git, mmdebstrap, ")
    command = "run as root: apt-get update && apt-get install -y --no-install-recommends curl dnsmasq-base"
    assert command in error
    assert error.endswith(" python3-venv qemu-system-x86 qemu-utils uidmap")


def test_the_tests_that_need_no_machine_are_named_where_no_machine_can_be_made(
    bare: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ready.main("test") == 1
    assert capsys.readouterr().err.endswith("; 'make test-fast' runs the tests that need no machine\n")


def test_a_mirror_that_is_not_known_and_packages_that_are_missing_are_told_together(
    bare: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sources, "for_suite", lambda *_: [])
    assert ready.main("demo") == 1
    *_, error = capsys.readouterr().err.splitlines()
    assert "give the URL of a Debian mirror in HOMEPORT_LAB_MIRROR; this computer lacks curl, " in error


def test_debians_keys_are_asked_for_where_its_mirror_is_used_and_they_are_missing(
    bare: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOMEPORT_LAB_MIRROR", "http://mirror.example/debian")
    monkeypatch.setattr(sources, "KEYRING", "/nowhere/keyring.gpg")
    assert ready.main("demo") == 1
    assert ", debian-archive-keyring, " in capsys.readouterr().err


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port that a lab without a bridge needs, at which somebody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        for name in ("CACHE_PORT", "ACME_PORT", "ACME_MANAGEMENT_PORT"):
            monkeypatch.setattr(ports, name, port)
        yield port


def test_another_lab_that_has_the_ports_is_told_before_anything_is_set_up(
    taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ways, "here", lambda _: ways.choose(USER, {}))
    monkeypatch.setattr(machine, "find_command", lambda name: name)
    monkeypatch.setattr(processes, "find", lambda lab: [])
    for purpose in ("demo", "test"):
        assert ready.main(purpose) == 1
        *_, error = capsys.readouterr().err.splitlines()
        assert error.startswith("error: another lab is up on this computer, and without a bridge there can be only one")
        assert f"(port {taken} of 127.0.0.1: Address already in use); run 'homeport lab down' in the folder" in error
    with pytest.raises(LabError, match="another lab is up"):
        ports.without_bridge("a1b2c3")


def test_a_lab_that_is_up_has_its_own_ports(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "find", lambda lab: [1] if lab == "a1b2c3" else [])
    assert ports.without_bridge("a1b2c3") == Network.without_bridge("a1b2c3")
    with pytest.raises(LabError, match="another lab is up"):
        ports.without_bridge(ports.ANY_LAB)


def test_a_lab_without_a_bridge_takes_no_host_that_needs_one(tmp_path: Path) -> None:
    lab = Lab(LabDirectory(tmp_path / "lab"))
    context = LabContext(lab.directory, Network.without_bridge(lab.id))
    with pytest.raises(
        LabError, match="this lab has no bridge, which nspawn hosts need; run 'homeport lab down' first"
    ):
        lab.prepare("bookworm", "nspawn", context)


def test_a_python_that_makes_environments_needs_no_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert ready.main("python") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform != "linux", reason="tries what Linux allows")
def test_the_trials_of_the_lab_leave_nothing_behind(tmp_path: Path) -> None:
    mounts = Path("/proc/self/mounts").read_text().count(" tmpfs ")
    tried = try_capabilities(tmp_path / "not" / "there")
    assert not tried.linux
    assert all(getattr(tried, field.name).count("\n") == 0 for field in fields(tried))
    assert Path("/proc/self/mounts").read_text().count(" tmpfs ") == mounts
    assert list(Path("/sys/class/net").glob(f"hptry{os.getpid()}")) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("loopback", "address"), [(False, "https://web1.lab.test/"), (True, "https://web1.lab.test:8443/")]
)
def test_the_site_is_asked_at_the_port_that_leads_to_it(tmp_path: Path, loopback: bool, address: str) -> None:
    context = LabContext(LabDirectory(tmp_path), Network("a1b2c3", 7, loopback=loopback))
    host = LabHost("web1", context.network.address(11), context.network.ssh_port, "debian", "bookworm", "qemu")
    assert site.url(context, host) == address
    command = site.curl(context, host)
    assert f"web1.lab.test:{8443 if loopback else 443}:{host.address}" in command
    assert command[-1] == address
