"""What fetches on a host that goes out by the controller: its scripts really run, sshd's part is a stand-in."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from paramiko.ssh_exception import SSHException
from pyinfra.api.exceptions import DeployError

from homeport.operations.command import script
from homeport.operations.outbound import OutboundCommand
from homeport.operations.releases_run import ReleasesRun
from homeport.operations.renew import RenewRun, renew
from homeport.operations.upgrade import UpgradeRun, upgrade
from homeport.plans.provision import PHASES
from homeport.releases.listing import Releases
from homeport.state.snapshot import Snapshot
from tests.state.builders import as_wanted, bare, make_settings, make_wanted

from .scripted import make_run, payload, phase
from .test_scripts import SHELLS

SETTINGS = make_settings(outbound="controller", outbound_private="pypi.lan")
WANTED = make_wanted(SETTINGS)
FETCHING = ("Packages", "Tools", "Dependencies", "Certificate")
WAY = "http://homeport:pass-word@127.0.0.1:40000"


class Transport:
    """Paramiko's, as far as a forward asks for it: `open` are the ports that sshd listens at for us."""

    def __init__(self, *, refuses: bool = False):
        self.refuses = refuses
        self.open: list[int] = []
        self.asked: list[tuple[str, int]] = []

    def request_port_forward(self, address: str, port: int, handler: Any) -> int:
        self.asked.append((address, port))
        if self.refuses:
            raise SSHException("TCP forwarding request denied")
        self.open.append(40000)
        return 40000

    def cancel_port_forward(self, address: str, port: int) -> None:
        self.open.remove(port)

    def is_active(self) -> bool:
        return True

    def get_username(self) -> str:
        return "deploy"


class Connector:
    """A connector with such a transport."""

    def __init__(self, transport: Transport):
        self.client = self
        self.get_transport = lambda: transport


def checked(found: Snapshot, transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what comes before the first change, where nothing else is in the way."""
    monkeypatch.setattr("homeport.operations.deploy_run.preflight", lambda *_: ())
    run, host = make_run(found, settings=SETTINGS)
    host.connector = Connector(transport)
    run.preflight()


def test_before_the_first_change_it_is_tried_whether_the_host_listens_for_us(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = Transport()
    checked(bare(), transport, monkeypatch)
    assert (transport.asked, transport.open) == ([("127.0.0.1", 0)], [])
    with pytest.raises(
        DeployError, match=r"^web1: outbound: sshd on the host does not let deploy forward a port"
    ) as caught:
        checked(bare(), Transport(refuses=True), monkeypatch)
    assert "\n" not in str(caught.value)


def test_a_run_that_fetches_nothing_asks_for_no_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = Transport(refuses=True)
    checked(as_wanted(WANTED), transport, monkeypatch)
    checked(replace(as_wanted(WANTED), releases=frozenset(), live_slot=""), transport, monkeypatch)
    assert transport.asked == []


@pytest.mark.parametrize("name", [name for name, _ in PHASES])
def test_only_what_fetches_is_led_out_and_no_way_is_open_while_it_is_planned(name: str) -> None:
    run, host = make_run(bare(), bare(), settings=SETTINGS)
    host.connector = Connector(transport := Transport())
    commands = list(phase(name, run))
    assert [isinstance(one, OutboundCommand) for one in commands] == [name in FETCHING for _ in commands]
    assert transport.asked == []
    assert bool(commands) == (name not in ("Request", "Start", "Prune"))


@pytest.mark.parametrize("name", FETCHING)
def test_without_the_setting_the_commands_are_as_they_were(name: str) -> None:
    run, _ = make_run(bare(), bare())
    [command] = phase(name, run)
    assert not isinstance(command, OutboundCommand)
    assert "apt_options=" not in command.get_raw_value()
    assert ("_stdin" in command.connector_arguments) == (name != "Certificate")


def ran(command: OutboundCommand, transport: Transport, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, list[Any]]:
    """Execute a command with a stand-in for what runs it; return whether it succeeded, and what there was to run."""
    seen = []

    def execute(self: Any, state: Any, host: Any, arguments: Any) -> Any:
        seen.append((self, list(transport.open)))
        return True, None

    monkeypatch.setattr("homeport.operations.outbound.PhaseCommand.execute", execute)
    _, host = make_run(bare(), settings=SETTINGS)
    host.connector, host.print_prefix = Connector(transport), ""  # type: ignore[attr-defined]
    return command.execute(host.state, host, {})[0], seen  # type: ignore[arg-type]


def test_the_way_is_open_for_one_command_and_its_password_in_its_input_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = make_run(bare(), settings=SETTINGS)
    [command] = phase("Tools", run)
    assert isinstance(command, OutboundCommand)
    transport, passwords = Transport(), set()
    for _ in range(2):
        good, [(one, ways)] = ran(command, transport, monkeypatch)
        assert (good, ways, transport.open) == (True, [40000], [])
        first, _, rest = payload(one).partition("\n")
        assert first.startswith("http://homeport:")
        assert first.endswith("@127.0.0.1:40000")
        assert rest == payload(command) == WANTED.tools.requirements
        passwords.add(password := first.split(":")[2].partition("@")[0])
        assert len(password) >= 32
        assert password not in one.get_raw_value() + repr(one)
    assert len(passwords) == 2


def test_a_forward_that_is_refused_fails_the_command_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = make_run(bare(), settings=SETTINGS)
    [command] = phase("Tools", run)
    assert isinstance(command, OutboundCommand)
    good, seen = ran(command, Transport(refuses=True), monkeypatch)
    assert (good, seen) == (False, [])
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: outbound: sshd on the host does not let deploy forward a port")
    assert line.endswith('or set outbound = "host"')


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return [request.param, "sh"] if request.param == "busybox" else [request.param]


def variables(shell: list[str], folder: Path, **environment: str) -> tuple[dict[str, str], list[str]]:
    """Run packages.sh as it is led out; return the environment that apt gets, and the words of its first call."""
    (folder / "bin").mkdir()
    apt = folder / "bin" / "apt-get"
    apt.write_text(f'#!/bin/sh\nenv -0 >{folder}/seen\n[ -e {folder}/words ] || printf "%s\\n" "$@" >{folder}/words\n')
    apt.chmod(0o755)
    text, *words = (word.obj for word in script("packages", "300", "", "", "nginx", payload="", led_out=True).bits[2:])
    text = text.replace("/run/homeport", f"{folder}/run")
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        [*shell, "-c", text, *words],
        env={**clean, **environment, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
        input=f"{WAY}\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "pass-word" not in done.stdout + done.stderr
    seen = dict(row.split("=", 1) for row in (folder / "seen").read_text().split("\0") if row)
    return seen, (folder / "words").read_text().splitlines()


def test_programs_get_the_way_by_their_environment_and_what_they_have_of_their_own_gives_way(
    shell: list[str], tmp_path: Path
) -> None:
    theirs = {"HTTPS_PROXY": "http://old:1", "ALL_PROXY": "http://old:2", "PIP_PROXY": "http://old:3"}
    seen, words = variables(shell, tmp_path, no_proxy="mirror.lan", **theirs)
    assert {seen[name] for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")} == {WAY}
    assert seen["no_proxy"] == seen["NO_PROXY"] == "mirror.lan,localhost,127.0.0.1,::1"
    # Set and empty: pip takes no notice of it, and its configuration's proxy is not taken over.
    assert seen["PIP_PROXY"] == ""
    assert not {"ALL_PROXY", "all_proxy"} & set(seen)
    assert {"Acquire::http::Proxy=", "Acquire::https::Proxy=", "Acquire::http::Proxy-Auto-Detect="} <= set(words)
    assert not any("pass-word" in word for word in words)


def test_no_proxy_of_the_host_is_kept_in_capitals_too(shell: list[str], tmp_path: Path) -> None:
    seen, _ = variables(shell, tmp_path, NO_PROXY="mirror.lan")
    assert seen["no_proxy"] == "mirror.lan,localhost,127.0.0.1,::1"


@pytest.mark.parametrize(("kind", "operation"), [(RenewRun, renew), (UpgradeRun, upgrade)])
def test_commands_of_a_person_go_out_by_the_controller_as_well(kind: type[ReleasesRun], operation: Any) -> None:
    _, host = make_run(bare(), settings=SETTINGS, ReleasesFact=[Releases()])
    for settings, led in ((SETTINGS, True), (make_settings(), False)):
        [command] = operation._inner(kind(host, settings, sudo=True))  # type: ignore[arg-type]
        assert isinstance(command, OutboundCommand) == led
