"""What peers are asked for, and that nothing to change is told from something to change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bench import unchanged
from benchmarks.measure import BenchmarkError, Finished
from benchmarks.peers.plan import LISTING, write_plan
from benchmarks.peers.running import unchanged_ansible, unchanged_pyinfra

RECAP = "PLAY RECAP ****\nweb1   : ok=8    changed={changed}    unreachable=0    failed={failed}    skipped=0\n"


def test_the_plan_has_what_is_on_the_host_with_its_mode_and_leaves_out_what_is_not_wanted(tmp_path: Path) -> None:
    host = tmp_path / "host"
    (host / "conf.d").mkdir(parents=True)
    (host / "conf.d" / "site").write_bytes(b"\xffsite")
    (host / "conf.d" / "site").chmod(0o640)
    (host / "conf.d" / "secret.json").write_text("{}")
    (host / "link").symlink_to("conf.d")
    given = {"managed": [str(host)[1:]], "left_out": [f"{str(host)[1:]}/conf.d/*.json"]}
    listed = subprocess.run([sys.executable, LISTING, json.dumps(given)], capture_output=True, check=True, text=True)
    plan = write_plan(json.loads(listed.stdout), ("nginx.service",), tmp_path / "plan")
    found = json.loads((plan.folder / "plan.json").read_text())
    assert [one["path"] for one in found["directories"]] == [str(host), str(host / "conf.d")]
    assert [(one["path"], one["mode"]) for one in found["files"]] == [(str(host / "conf.d" / "site"), "0640")]
    assert Path(found["files"][0]["source"]).read_bytes() == b"\xffsite"
    assert found["links"] == [{"path": str(host / "link"), "target": "conf.d"}]
    # Packages, group, user, two folders, a file, a link, what is absent, a unit.
    assert plan.operations == 9


@pytest.mark.parametrize(
    ("changed", "failed", "good"), [(0, 0, True), (1, 0, False), (0, 1, False)], ids=["nothing", "changed", "failed"]
)
def test_ansible_must_have_changed_nothing(changed: int, failed: int, good: bool) -> None:
    output = RECAP.format(changed=changed, failed=failed)
    if good:
        unchanged_ansible(output)
    else:
        with pytest.raises(BenchmarkError, match="Ansible would change"):
            unchanged_ansible(output)


def test_a_playbook_that_met_no_host_is_no_measurement() -> None:
    with pytest.raises(BenchmarkError):
        unchanged_ansible("PLAY RECAP ****\n")


@pytest.mark.parametrize(
    ("total", "good"),
    [
        ("Grand total   56   -   -   56", True),
        ("Grand total   56   1   -   55", False),
        ("Grand total   55   -   -   55", False),
        ("", False),
    ],
    ids=["nothing", "a change", "an operation too few", "no summary"],
)
def test_plain_pyinfra_must_have_changed_nothing_in_all_its_operations(total: str, good: bool) -> None:
    if good:
        unchanged_pyinfra(f"--> Results:\n    {total}   \n", 56)
    else:
        with pytest.raises(BenchmarkError, match="plain pyinfra would change"):
            unchanged_pyinfra(f"--> Results:\n    {total}   \n", 56)


@pytest.mark.parametrize(
    ("total", "good"),
    [("13   -   -   13", True), ("650   -   -   650", True), ("13   2   -   11", False), ("13   -   1   12", False)],
    ids=["one host", "fifty hosts", "a change", "a failure"],
)
def test_homeport_must_have_changed_nothing(total: str, good: bool) -> None:
    run = Finished(0, 1.0, 1.0, 1.0, f"    Grand total   {total}   \n")
    if good:
        assert unchanged(run) is run
    else:
        with pytest.raises(BenchmarkError, match="homeport would change"):
            unchanged(run)
