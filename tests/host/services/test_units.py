"""Stopping a slot: what of it failed is not left `failed`, and what is not a slot's is not touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.host.services import units
from homeport.host.system.layout import Layout

# Answers for systemd: each unit's state is in a file of its name.
SYSTEMCTL = """#!/bin/sh
cd "${0%/*}" || exit
echo "$*" >>said
action=$1
while [ "$1" != -- ]; do shift; done
shift
for unit; do
    case $action in
        show) printf 'Id=%s\\nLoadState=loaded\\nActiveState=%s\\nResult=exit-code\\n\\n' "$unit" "$(cat "$unit")" ;;
        stop) [ "$(cat "$unit")" = failed ] || echo inactive >"$unit" ;;
        reset-failed) echo inactive >"$unit" ;;
    esac
done
"""
OWN = ("notes@blue.service", "notes-migrate@blue.service")


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "systemctl").write_text(SYSTEMCTL)
    (tmp_path / "bin" / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "bin"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout("notes", tmp_path / "root")


@pytest.mark.parametrize("failed", [("notes-migrate@blue.service",), ("notes@blue.service",), OWN])
def test_a_slot_that_is_stopped_leaves_no_failed_unit(layout: Layout, systemd: Path, failed: tuple[str, ...]) -> None:
    for unit in OWN:
        (systemd / unit).write_text("failed\n" if unit in failed else "active\n")
    units.stop(layout, "blue")
    assert [(systemd / unit).read_text() for unit in OWN] == ["inactive\n", "inactive\n"]
    resets = [line for line in (systemd / "said").read_text().splitlines() if line.startswith("reset-failed")]
    assert f"reset-failed -- {' '.join(failed)}" in resets


def test_a_slot_of_which_nothing_failed_has_nothing_reset(layout: Layout, systemd: Path) -> None:
    for unit in OWN:
        (systemd / unit).write_text("inactive\n")
    units.stop(layout, "blue")
    assert "reset-failed" not in (systemd / "said").read_text()
