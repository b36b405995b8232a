"""The file that keeps requests waiting while a release is stopped for another one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from homeport.host.proxies import held
from homeport.host.proxies.site import place
from homeport.host.system.layout import Layout
from homeport.state.paths import AppPaths


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(held, "SETTLE_SECONDS", 0.0)
    layout = Layout("notes", tmp_path)
    layout.machine.runtime.mkdir(parents=True)
    place(layout).parent.mkdir(parents=True)
    place(layout).write_text(f"if (-f {layout.held}) {{")
    return layout


def test_the_controller_and_the_host_mean_the_same_file() -> None:
    assert str(Layout("notes").held) == AppPaths("notes").held


def test_it_is_there_for_a_while_that_it_names_and_gone_also_when_the_stop_fails(layout: Layout) -> None:
    def stop() -> None:
        with held.requests(layout):
            assert 0 < float(layout.held.read_text()) - time.time() <= held.COUNTS_SECONDS + 1
            assert layout.held.stat().st_mode & 0o777 == 0o644
            raise OSError("it does not stop")

    with pytest.raises(OSError, match="it does not stop"):
        stop()
    assert not layout.held.exists()


def test_a_site_that_does_not_know_of_it_is_not_waited_for(layout: Layout) -> None:
    """One of an earlier homeport, or one without `hold_seconds`."""
    place(layout).write_text("server {}")
    with held.requests(layout):
        assert not layout.held.exists()


def test_what_a_killed_run_has_left_is_removed(layout: Layout) -> None:
    layout.held.write_text("1\n")
    held.forget(layout)
    held.forget(layout)
    assert not layout.held.exists()
