"""When Caddy is reloaded, and what it says against a configuration."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from homeport.host.proxies.caddy import reloading
from homeport.host.proxies.model import closing
from homeport.host.services import units
from homeport.host.system.layout import MachineLayout


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MachineLayout:
    (tmp_path / "etc/caddy/homeport").mkdir(parents=True)
    (tmp_path / "etc/caddy/Caddyfile").write_text("{\n}\n")
    (tmp_path / "etc/caddy/homeport/notes.caddy").write_text("# names: notes.example.com\n")
    (tmp_path / "etc/homeport/notes/tls").mkdir(parents=True)
    (tmp_path / "etc/homeport/notes/tls/fullchain.pem").write_text("old")
    (tmp_path / "run/homeport").mkdir(parents=True)
    monkeypatch.setattr(units, "run_checked", lambda *command: "")
    monkeypatch.setattr(reloading, "complaint", lambda: "")
    return MachineLayout(tmp_path)


@pytest.mark.parametrize("path", ["etc/caddy/homeport/notes.caddy", "etc/homeport/notes/tls/fullchain.pem"])
def test_what_is_read_at_a_start_is_remembered_with_certificates(machine: MachineLayout, path: str) -> None:
    assert not reloading.is_loaded(machine)
    reloading.stamp_start(machine)
    assert reloading.is_loaded(machine)
    (machine.root / path).write_text("new")
    assert not reloading.is_loaded(machine)


def test_what_changes_while_it_reloads_is_not_taken_for_read(
    machine: MachineLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "SHORT_SECONDS", 0.0)
    reloading.stamp_before_reload(machine)
    (machine.root / "etc/caddy/Caddyfile").write_text("{\n}\n# new\n")
    reloading.stamp_after_reload(machine)
    assert not reloading.is_loaded(machine)
    reloading.stamp_before_reload(machine)
    reloading.stamp_after_reload(machine)
    assert reloading.is_loaded(machine)
    assert not closing.has_begun(machine)


def test_a_configuration_that_is_refused_closes_nothing(
    machine: MachineLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Caddy goes on with what it has, and nobody would end what begins here."""
    monkeypatch.setattr(reloading, "complaint", lambda: "unrecognized directive")
    reloading.stamp_before_reload(machine)
    assert not closing.has_begun(machine)


def test_a_complaint_is_one_line_of_what_caddy_says() -> None:
    said = (
        '{"level":"info","msg":"using provided configuration"}\nError: adapting config using caddyfile: no-such-word\n'
    )
    assert (
        reloading.refusal(subprocess.CompletedProcess([], 1, "", said))
        == "adapting config using caddyfile: no-such-word"
    )
    assert reloading.refusal(subprocess.CompletedProcess([], 0, "", said)) == ""
    assert reloading.refusal(subprocess.CompletedProcess([], 1, "", "")) == "no reason given"
