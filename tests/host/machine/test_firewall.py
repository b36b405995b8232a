"""When the kernel gets our table, and when it follows connections first; what nft and ss say is given."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from homeport.host.machine import firewall
from homeport.host.system.output import HostError
from tests.host.fake_programs import ServiceManager

LISTENS = "LISTEN 0 511 0.0.0.0:443 0.0.0.0:*\nLISTEN 0 128 [::]:22 [::]:*\n"
VISITORS = "0 0 10.0.0.5:443 203.0.113.9:51000\n0 0 [::ffff:10.0.0.5]:22 [::ffff:198.51.100.7]:40000\n"
AT_HOME = "0 0 127.0.0.1:51010 127.0.0.1:8001\n0 0 [::1]:51012 [::1]:5432\n"
TO_A_DATABASE = "0 0 10.0.0.5:51014 10.0.0.9:5432\n"


class Kernel:
    """What it was given, and what `ss` says of its connections."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.manager, self.connections = ServiceManager(), ""
        self.given: list[str] = []
        self.rules, self.nft = root / "firewall.nft", root / "nft"
        for name, path in (("RULES", self.rules), ("NFT", str(self.nft)), ("LOADED", root / "loaded")):
            monkeypatch.setattr(firewall, name, path)
        monkeypatch.setattr(firewall, "LOAD", root / "load")
        monkeypatch.setattr(firewall, "FOLLOWING_SECONDS", 0)
        monkeypatch.setattr(firewall, "run", self.run)
        monkeypatch.setattr(firewall, "_nft", self.given.append)
        self.nft.touch()
        self.rules.write_text("rules\n")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        done = self.manager.run(*command)
        if command[0] == "ss":
            done.stdout = LISTENS if "-Hltn" in command else self.connections
        if command[0].endswith("/load") and not done.returncode:
            self.given.append(self.rules.read_text())
        if "list" in command and not self.given:
            done.returncode = 1
        return done


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(tmp_path, monkeypatch)


@pytest.mark.parametrize("connections", ["", VISITORS, AT_HOME, VISITORS + AT_HOME])
def test_a_machine_that_has_called_nobody_gets_the_table_at_once(kernel: Kernel, connections: str) -> None:
    kernel.connections = connections
    firewall.load()
    assert kernel.given == ["rules\n"]


def test_a_new_firewall_tracks_open_connections_first(kernel: Kernel) -> None:
    kernel.connections = VISITORS + TO_A_DATABASE
    firewall.load()
    [first, then] = kernel.given
    assert "policy accept" in first
    assert "ct state established" in first
    assert then == "rules\n"


def test_a_firewall_that_tracks_connections_is_not_opened_for_them(kernel: Kernel) -> None:
    kernel.given.append("an earlier table")
    kernel.connections = TO_A_DATABASE
    firewall.load()
    assert kernel.given[1:] == ["rules\n"]


def test_rules_that_cannot_be_loaded_are_told(kernel: Kernel) -> None:
    kernel.manager.refusing["load"] = "Error: syntax error"
    with pytest.raises(HostError, match="the firewall cannot be loaded: Error: syntax error"):
        firewall.load()


def test_without_rules_our_table_goes_and_no_other(kernel: Kernel) -> None:
    kernel.rules.unlink()
    firewall.LOADED.write_text("what was loaded")
    firewall.load()
    assert kernel.given == ["table inet homeport\ndelete table inet homeport\n"]
    assert not firewall.LOADED.exists()


def test_where_there_is_no_nft_there_is_no_table(kernel: Kernel) -> None:
    kernel.nft.unlink()
    kernel.rules.unlink()
    firewall.load()
    firewall.put_back({"table": "table", "loaded": ""})
    assert firewall.saved() is None
    assert kernel.given == []


def test_a_table_is_put_back_with_what_says_that_it_was_loaded(kernel: Kernel) -> None:
    firewall.put_back({"table": "table inet homeport { }\n", "loaded": "digest"})
    assert kernel.given == [f"{firewall.EMPTY}table inet homeport {{ }}\n"]
    assert firewall.LOADED.read_text() == "digest"


def test_where_there_was_none_none_is_put_back(kernel: Kernel) -> None:
    firewall.put_back(None)
    assert kernel.given == [firewall.EMPTY]
    assert not firewall.LOADED.exists()
