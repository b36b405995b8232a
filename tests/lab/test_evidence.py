"""What a failed test tells of its machines; the machine is played by a command."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from homeport.lab import Lab, LabDirectory
from tests.lab import artefacts, evidence

TEXT = "\n".join(
    [
        *("## state", "up 3 days", *(f"memory {number}" for number in range(50))),
        *("## failed units", "notes@blue.service loaded failed failed"),
        *("## journal", *(f"line {number}" for number in range(400)), "the cause"),
    ]
)


def test_the_end_of_each_part_is_printed_in_few_lines() -> None:
    told = evidence.telling(TEXT).splitlines()
    assert len(told) <= evidence.PRINTED_LINES
    assert "notes@blue.service loaded failed failed" in told
    assert told[-1] == "the cause"


def test_what_the_tests_own_logins_leave_in_the_journal_is_not_printed() -> None:
    noise = (
        "web1 sshd[1658]: Connection from 192.0.2.1 port 56702",
        "web1 systemd[1661]: Reached target basic.target - Basic System.",
        "web1 systemd[1]: Started user@1000.service - User Manager for UID 1000.",
        "web1 sudo[1674]:   debian : (command continued) done",
    )
    journal = ["web1 systemd[1]: notes@blue.service: Failed", *(line for line in noise for _ in range(50))]
    assert evidence.telling("\n".join(["## journal", *journal])).splitlines() == ["## journal", journal[0]]


def test_a_failed_test_names_the_file_in_which_its_machines_have_their_say(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(LabDirectory(pytester.path / "lab"))
    monkeypatch.setattr(artefacts, "FOLDER", pytester.path / "artefacts")
    monkeypatch.setattr(evidence, "told", lambda lab, host: TEXT)
    monkeypatch.setattr(evidence, "hosts", lambda lab: (SimpleNamespace(name="web1"),))
    monkeypatch.setattr(Lab, "_made_by_the_test", lab, raising=False)
    pytester.makeconftest(
        "import pytest\n"
        "from homeport.lab import Lab\n"
        "from tests.lab.evidence import pytest_runtest_makereport\n"
        "@pytest.fixture(scope='session')\n"
        "def lab():\n    return Lab._made_by_the_test\n"
        "@pytest.fixture(scope='module')\n"
        "def stage(lab):\n    return 'a machine'\n"
    )
    pytester.makepyfile("def test_good(stage): pass\ndef test_bad(stage): assert stage == 'another'\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    output = result.stdout.str()
    assert output.count("all of it in") == 1
    [file] = Path(pytester.path / "artefacts").glob("failure-*test_bad-web1.txt")
    assert str(file) in output
    assert "the cause" in output
    assert TEXT in file.read_text()
