"""What an auditor says of sshd, on both suites, and who gets in.

The tests share two machines and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost, Suite
from tests.lab.artefacts import keep
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]
AUDITOR = Path(sys.executable).with_name("ssh-audit")
QUIET = ["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes"]
# What OpenSSH of Debian 13 agrees on with each: both withstand a quantum computer.
LASTING = {"bookworm": "sntrup761x25519-sha512", "trixie": "mlkem768x25519-sha256"}
# The key exchange that pyinfra's SSH library knows; the newest auditor alone minds it.
UNAVOIDABLE = {
    ("curve25519-sha256", "does not provide protection against post-quantum attacks"),
    ("curve25519-sha256@libssh.org", "does not provide protection against post-quantum attacks"),
}


@dataclass
class Stage:
    """A machine as rented: all kinds of host keys, and passwords let in by what made it."""

    suite: Suite
    project: Project
    host: LabHost
    seen: Seen

    def findings(self) -> set[tuple[str, str, str]]:
        """Return what the auditor has to say against this machine's sshd: how bad, of what, why."""
        words = [str(AUDITOR), "--skip-rate-test", "-j", self.host.address]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        keep(f"ssh-audit-{self.suite}.json", done.stdout)
        return faults(done.stdout)


def faults(report: str) -> set[tuple[str, str, str]]:
    """Return what a report of ssh-audit (`-j`) has of failures and warnings."""
    raw: dict[str, Any] = json.loads(report)
    return {
        (level, one["algorithm"], text)
        for kind in ("kex", "key", "enc", "mac")
        for one in raw[kind]
        for level in ("fail", "warn")
        for text in one["notes"].get(level, ())
    } | {("fail", "cve", one["name"]) for one in raw["cves"]}


@pytest.fixture(scope="module")
def outsider(lab: Lab) -> Iterator[Seen]:
    """A Debian 13 machine that nothing was deployed to, with its own ssh and ssh-audit."""
    host = lab.add("outsider", "trixie")
    seen = Seen(lab, host)
    seen.shell("apt-get -qq update; apt-get -qq -y --no-install-recommends install ssh-audit >/dev/null 2>&1")
    yield seen
    lab.remove(host.name)


@pytest.fixture(scope="module", params=get_args(Suite))
def stage(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned
) -> Iterator[Stage]:
    suite: Suite = request.param
    host = seasoned.add(f"door-{suite}", suite)
    folder = tmp_path_factory.mktemp("door") / "project"
    seen = Seen(lab, host)
    seen.shell(
        "ssh-keygen -A >/dev/null; rm /etc/ssh/sshd_config.d/*;"
        "echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/50-cloud-init.conf;"
        "echo 'PermitRootLogin yes' >>/etc/ssh/sshd_config;"
        "echo debian:secret | chpasswd; systemctl reload ssh"
    )
    yield Stage(suite, Project.create(folder, lab, "hello", workers=1, watch_seconds=0), host, seen)
    lab.remove(host.name)


def logs_in(stage: Stage, *options: str) -> subprocess.CompletedProcess[str]:
    words = [*QUIET, *(word for one in options for word in ("-o", one))]
    target = f"debian@{stage.host.address}"
    return subprocess.run(["ssh", "-F", "none", *words, target, "true"], capture_output=True, text=True, check=False)


def test_the_auditor_finds_faults_before_and_none_after(stage: Stage) -> None:
    assert "fail" in {level for level, *_ in stage.findings()}
    assert "password" in logs_in(stage, "PubkeyAuthentication=no").stderr
    stage.project.deployed(stage.host)
    found = stage.findings()
    assert {level for level, *_ in found} <= {"warn"}
    assert {(algorithm, text) for _, algorithm, text in found} <= UNAVOIDABLE


def test_debians_own_auditor_has_no_word_to_say(stage: Stage, outsider: Seen) -> None:
    report = outsider.shell(f"ssh-audit --skip-rate-test -j {stage.host.address}")
    keep(f"ssh-audit-debian-{stage.suite}.json", report)
    assert len(json.loads(report)["kex"]) > 2
    assert faults(report) == set()


def test_openssh_agrees_on_a_key_exchange_that_lasts(stage: Stage, outsider: Seen) -> None:
    said = outsider.shell(f"ssh -v {' '.join(QUIET)} debian@{stage.host.address} true 2>&1 || true")
    assert f"kex: algorithm: {LASTING[stage.suite]}\n" in said


def test_keys_get_in_and_passwords_do_not(stage: Stage) -> None:
    refused = logs_in(stage, "PubkeyAuthentication=no")
    assert refused.returncode == 255
    assert "Permission denied (publickey)." in refused.stderr
    assert stage.project.lab.run(stage.host, "true").returncode == 0
    settings = stage.seen.shell("sshd -T").splitlines()
    assert {"passwordauthentication no", "kbdinteractiveauthentication no"} <= set(settings)
    assert "permitrootlogin without-password" in settings


def test_a_second_deploy_changes_nothing_of_it(stage: Stage) -> None:
    before = stage.seen.shell("stat -c %Y /etc/ssh/sshd_config.d/00-homeport.conf")
    stage.project.deployed(stage.host)
    assert stage.seen.shell("stat -c %Y /etc/ssh/sshd_config.d/00-homeport.conf") == before


def test_hardening_works_with_a_socket_activated_sshd(stage: Stage) -> None:
    stage.seen.shell("systemctl disable -q --now ssh.service; systemctl enable -q --now ssh.socket")
    assert stage.seen.property("ssh.socket", "ActiveState") == "active"
    stage.seen.shell("rm /etc/ssh/sshd_config.d/00-homeport.conf /etc/homeport/firewall.nft; nft flush ruleset")
    stage.project.deployed(stage.host)
    assert until(lambda: "Permission denied (publickey)." in logs_in(stage, "PubkeyAuthentication=no").stderr)
    assert "22" in stage.seen.shell("nft list table inet homeport | grep 'tcp dport'")
