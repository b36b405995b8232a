"""When Traefik is reloaded, and when it has to be started anew: by what it tells, and by what it read as it started."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from homeport.host.proxies.model import certificates
from homeport.host.proxies.traefik import reloading
from homeport.host.services import units
from homeport.host.system.layout import MachineLayout
from homeport.host.system.output import HostError


@pytest.fixture
def machine(tmp_path: Path) -> MachineLayout:
    (tmp_path / "etc/traefik/homeport").mkdir(parents=True)
    (tmp_path / "etc/traefik/plugins-local/src").mkdir(parents=True)
    (tmp_path / "etc/traefik/traefik.yaml").write_text("entryPoints:\n")
    (tmp_path / "run/homeport").mkdir(parents=True)
    return MachineLayout(tmp_path)


@pytest.fixture
def tells(machine: MachineLayout, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A Traefik that runs and tells what it has read last; what is done to it besides."""
    done: list[str] = []
    read = [reloading.digest(machine)]
    reloading.STARTED.note(machine).write_text(reloading.start_digest(machine))

    def run(*command: str) -> str:
        done.append(command[1] if command[0] == "systemctl" else "prepare")
        if done[-1] in ("reload", "restart"):
            read[0] = reloading.digest(machine)
        return ""

    monkeypatch.setattr(reloading, "told", lambda: read[0])
    monkeypatch.setattr(reloading, "complaint", lambda: "")
    monkeypatch.setattr(units, "is_active", lambda unit: True)
    monkeypatch.setattr(units, "run_checked", run)
    monkeypatch.setattr(certificates, "sites", lambda machine, site_file: {"notes.test": machine.root})
    monkeypatch.setattr(certificates, "on_disk", lambda path: b"new")
    monkeypatch.setattr(certificates, "served", lambda name, port: b"new")
    monkeypatch.setattr(certificates, "is_for", lambda certificate, name: True)
    return done


def edit(machine: MachineLayout, path: str) -> Callable[[], object]:
    return lambda: (machine.traefik / path).write_text("something else\n")


def test_what_it_has_read_is_not_read_again(machine: MachineLayout, tells: list[str]) -> None:
    assert reloading.is_loaded(machine)
    reloading.reload(machine)
    assert tells == []


def test_another_site_is_read_and_no_process_ends(machine: MachineLayout, tells: list[str]) -> None:
    reloading.reload(machine, edit(machine, "homeport/notes.yaml"))
    assert tells == ["reload"]
    assert reloading.is_loaded(machine)


@pytest.mark.parametrize("path", ["traefik.yaml", "plugins-local/src/front.go"])
def test_what_is_read_only_at_the_start_needs_one(machine: MachineLayout, tells: list[str], path: str) -> None:
    edit(machine, path)()
    assert not reloading.is_loaded(machine)
    reloading.reload(machine)
    assert tells == ["restart"]


def test_what_it_would_not_accept_is_not_given_to_it(
    machine: MachineLayout, tells: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "complaint", lambda: "notes-names-https@file error while parsing rule")
    with pytest.raises(HostError, match="does not accept its configuration: notes-names-https@file"):
        reloading.reload(machine, edit(machine, "homeport/notes.yaml"))
    assert tells == []


def test_a_certificate_is_taken_up_by_a_reload_and_waited_for(
    machine: MachineLayout, tells: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "served", lambda name, port: b"new" if "reload" in tells else b"old")
    reloading.reload(machine)
    assert tells == ["reload"]


def test_a_reload_is_done_when_traefik_tells_what_was_laid_out(machine: MachineLayout, tells: list[str]) -> None:
    reloading.stamp_before_reload(machine)
    assert tells == ["prepare"]
    reloading.stamp_after_reload(machine, 0)
    edit(machine, "homeport/notes.yaml")()
    reloading.stamp_before_reload(machine)
    with pytest.raises(HostError, match="has not taken up its configuration within 0 s"):
        reloading.stamp_after_reload(machine, 0)


def test_a_refusal_is_the_first_thing_that_is_said() -> None:
    assert reloading.refusal(subprocess.CompletedProcess((), 1, "", "one\ntwo\n")) == "one"
    assert reloading.refusal(subprocess.CompletedProcess((), 0, "", "one\n")) == ""
    assert reloading.refusal(subprocess.CompletedProcess((), 1, "", "")) == "no reason given"


def test_a_name_that_the_certificate_is_not_for_is_not_waited_for(
    machine: MachineLayout, tells: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "served", lambda name, port: None)
    monkeypatch.setattr(certificates, "is_for", lambda certificate, name: False)
    reloading.reload(machine)
    assert tells == []


def test_a_program_that_was_replaced_by_one_just_like_it_needs_no_restart(tmp_path: Path) -> None:
    sleep, other = Path(shutil.which("sleep") or ""), Path(shutil.which("env") or "")
    program = tmp_path / "traefik"
    shutil.copy(sleep, program)
    with subprocess.Popen([program, "60"]) as process:
        program.unlink()
        assert not reloading.runs(process.pid, program)
        shutil.copy(sleep, program)
        assert reloading.runs(process.pid, program)
        shutil.copy(other, program)
        assert not reloading.runs(process.pid, program)
        process.kill()
    assert not reloading.runs(0, program)


@pytest.mark.parametrize(
    ("name", "expected"), [("notes.test", True), ("a.b.test", True), ("*.b.test", True), ("www.test", False)]
)
def test_which_names_a_certificate_is_for(tmp_path: Path, name: str, expected: bool) -> None:
    place = tmp_path / "fullchain.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=notes.test", "-addext", "subjectAltName=DNS:notes.test,DNS:*.b.test"]
    subprocess.run([*command, *names, "-keyout", tmp_path / "key", "-out", place], check=True, capture_output=True)
    assert certificates.is_for(place, name) == expected
