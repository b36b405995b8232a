"""The dead man's switch of firewall and sshd: a service manager that only says what is up, and a folder as the root."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeport.host.machine import access, firewall, sshd
from homeport.host.services import staged_files
from homeport.host.system.output import HostError
from tests.capabilities import gives_files_away
from tests.host.fake_programs import TALK, ServiceManager

pytestmark = pytest.mark.skipif(not gives_files_away(), reason="the files belong to root")
OLD, NEW = "old rules\n", "new rules\n"


@dataclass
class Host:
    """A machine with a firewall of ours; what is loaded of its rules; how often sshd has read its settings."""

    root: Path
    manager: ServiceManager
    loaded: str = OLD
    reloads: int = 0

    @property
    def rules(self) -> Path:
        return self.root / "firewall.nft"

    @property
    def drop_in(self) -> Path:
        return self.root / "ssh" / "sshd_config.d" / "00-homeport.conf"

    @property
    def pending(self) -> Path:
        return self.root / "pending.json"

    def change(self, name: str = "one", rules: str = NEW) -> None:
        """Change both, as a deploy does."""
        files = [{"path": str(self.rules), "content": rules}, {"path": str(self.drop_in), "content": "Port 22\n"}]
        access.apply({"files": files, "absent": [], "token": name, "timeout_seconds": 60})

    def is_as_before(self) -> bool:
        return (self.rules.read_text(), self.drop_in.exists(), self.loaded) == (OLD, False, OLD)

    def timer_runs(self) -> bool:
        return "homeport-lockout-one.timer" in self.manager.active


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path, ServiceManager())
    host.drop_in.parent.mkdir(parents=True)
    host.rules.write_text(OLD)
    host.rules.chmod(0o640)
    (tmp_path / "boot_id").write_text("this boot")

    def load() -> None:
        host.loaded = host.rules.read_text()
        if done := host.manager.refusing.get("load"):
            raise HostError(done)

    def put_back(table: dict[str, str] | None) -> None:
        host.loaded = table["table"] if table else ""

    def reload() -> None:
        host.reloads += 1

    places = {
        "PENDING": host.pending,
        "LOCK": tmp_path / "lock",
        "BOOT": tmp_path / "boot_id",
        "STAGES": str(tmp_path / "run"),
    }
    for name, value in places.items():
        monkeypatch.setattr(access, name, value)
    monkeypatch.setattr(firewall, "RULES", host.rules)
    monkeypatch.setattr(firewall, "OPENINGS", tmp_path / "firewall.d")
    monkeypatch.setattr(firewall, "saved", lambda: {"table": host.loaded, "loaded": ""})
    monkeypatch.setattr(firewall, "load", load)
    monkeypatch.setattr(firewall, "put_back", put_back)
    monkeypatch.setattr(sshd, "FOLDER", tmp_path / "ssh")
    monkeypatch.setattr(sshd, "DROP_INS", host.drop_in.parent)
    monkeypatch.setattr(sshd, "reload", reload)
    for module in (access, staged_files):
        monkeypatch.setattr(module, "run", host.manager.run)
    return host


def test_the_service_manager_of_these_tests_answers_as_it_says() -> None:
    manager = ServiceManager()
    for command, status, said in TALK:
        done = manager.run(*command.format(command="/bin/true").split())
        assert (done.returncode, " ".join(done.stdout.split())) == (status, said), command


def test_a_change_is_in_effect_and_the_timer_that_takes_it_back_runs(host: Host) -> None:
    host.change()
    assert (host.rules.read_text(), host.loaded, host.reloads) == (NEW, NEW, 1)
    assert host.rules.stat().st_mode & 0o777 == 0o644
    assert host.timer_runs()
    assert host.pending.stat().st_mode & 0o777 == 0o600
    [begun] = [command for command in host.manager.asked if command[0] == "systemd-run"]
    assert "--on-active=60" in begun
    assert begun[-3:] == ("restore-access", "--token", "one")


def test_the_record_is_there_before_the_timer_and_the_timer_before_the_change(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        seen.append((host.pending.exists(), host.rules.read_text()))
        return host.manager.run(*command)

    monkeypatch.setattr(access, "run", run)
    host.change()
    assert seen == [(True, OLD)]


def test_a_confirmed_change_stays_and_nothing_is_left_that_could_take_it_back(host: Host) -> None:
    host.change()
    access.confirm("one")
    access.restore("one")
    access.restore(None)
    assert (host.rules.read_text(), host.loaded) == (NEW, NEW)
    assert not host.pending.exists()
    assert not host.timer_runs()


def test_a_change_that_nobody_confirms_is_taken_back_with_mode_and_all(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.change()
    access.restore("one")
    assert host.is_as_before()
    assert host.rules.stat().st_mode & 0o777 == 0o640
    assert host.reloads == 2
    assert not host.pending.exists()
    assert not host.timer_runs()
    assert (
        "no new connection confirmed a change of SSH or the firewall: the previous state is restored"
        in capsys.readouterr().out
    )


def test_who_confirms_too_late_or_another_change_is_told(host: Host) -> None:
    host.change()
    with pytest.raises(HostError, match="taken back before it was confirmed"):
        access.confirm("two")
    assert host.timer_runs()
    access.restore("one")
    with pytest.raises(HostError, match="taken back before it was confirmed"):
        access.confirm("one")
    assert host.is_as_before()


def test_the_timer_of_another_change_takes_nothing_back(host: Host) -> None:
    host.change()
    access.restore("two")
    assert host.loaded == NEW
    assert host.pending.exists()


def test_a_change_that_cannot_be_loaded_is_taken_back_at_once(host: Host) -> None:
    host.manager.refusing["load"] = "no such table"
    with pytest.raises(HostError, match="no such table; the change was taken back"):
        host.change()
    assert host.is_as_before()
    assert not host.pending.exists()
    assert not host.timer_runs()


def test_without_a_timer_nothing_is_changed(host: Host) -> None:
    host.manager.refusing["systemd-run"] = "no more units"
    with pytest.raises(HostError, match="the timer that would restore the present state cannot be set: no more units"):
        host.change()
    assert host.is_as_before()
    assert host.reloads == 0
    assert not host.pending.exists()


@pytest.mark.parametrize(("program", "who"), [("nft", "nftables"), ("sshd", "sshd")])
def test_a_change_that_nft_or_sshd_refuses_is_not_begun(host: Host, program: str, who: str) -> None:
    host.manager.refusing[program] = "line 1: syntax error"
    with pytest.raises(HostError, match=rf"{who} does not accept .*line 1: syntax error.*nothing was changed"):
        host.change()
    assert host.is_as_before()
    assert not host.manager.was_asked("systemd-run")


def test_a_change_that_a_killed_run_has_left_without_a_timer_is_taken_back_before_the_next(host: Host) -> None:
    host.change("one")
    host.manager.active.clear()
    host.change("two", "newer rules\n")
    assert host.loaded == "newer rules\n"
    access.restore("two")
    assert host.is_as_before()


@pytest.mark.parametrize(("boot", "restored"), [("this boot", False), ("the next boot", True)])
def test_a_boot_restores_files_only_for_a_change_of_an_earlier_boot(host: Host, boot: str, restored: bool) -> None:
    host.change()
    (host.root / "boot_id").write_text(boot)
    access.restore(None, at_boot=True)
    assert (host.rules.read_text() == OLD, host.pending.exists()) == (restored, not restored)
    # Nobody has read them yet.
    assert (host.loaded, host.reloads) == (NEW, 1)


def test_a_file_that_cannot_be_restored_keeps_the_record_and_all_others_are_restored(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.change()

    def refuse(table: object) -> None:
        raise HostError("nftables says: busy")

    with monkeypatch.context() as patch:
        patch.setattr(firewall, "put_back", refuse)
        with pytest.raises(HostError, match="the previous state cannot be restored: nftables says: busy"):
            access.restore("one")
    assert (host.rules.read_text(), host.drop_in.exists(), host.reloads) == (OLD, False, 2)
    assert json.loads(host.pending.read_text())["token"] == "one"
    access.restore("one")
    assert host.is_as_before()


def test_a_file_that_is_as_wanted_is_not_written_again(host: Host) -> None:
    host.rules.chmod(0o644)
    access.apply(
        {"files": [{"path": str(host.rules), "content": OLD}], "absent": [], "token": "one", "timeout_seconds": 9}
    )
    assert json.loads(host.pending.read_text())["files"] == {}
    assert host.reloads == 0
