"""The file that keeps visitors out."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.host.proxies import maintenance
from homeport.host.proxies.site import place
from homeport.host.system.layout import Layout
from homeport.host.system.output import HostError
from homeport.state.paths import AppPaths


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout("notes", tmp_path)
    layout.settings.mkdir(parents=True)
    place(layout).parent.mkdir(parents=True)
    place(layout).write_text(f"if (-f {layout.maintenance}) {{")
    return layout


def test_the_controller_and_the_host_mean_the_same_file() -> None:
    assert str(Layout("notes").maintenance) == AppPaths("notes").maintenance


def test_maintenance_says_who_since_when_and_why_until_it_is_off(layout: Layout) -> None:
    assert maintenance.read(layout) is None
    maintenance.turn_on(layout, "carol@desk", "we\nmove")
    assert layout.maintenance.stat().st_mode & 0o777 == 0o644
    note = maintenance.turn_off(layout)
    assert note is not None
    assert (note["by"], note["message"]) == ("carol@desk", "we move")
    assert maintenance.read(layout) is None
    assert maintenance.turn_off(layout) is None


def test_a_damaged_file_keeps_visitors_out_too(layout: Layout) -> None:
    layout.maintenance.write_text("[")
    assert maintenance.read(layout) == {}


def test_a_site_that_would_not_look_for_the_file_is_told_of(layout: Layout) -> None:
    place(layout).write_text("server {}")
    with pytest.raises(HostError, match="deploy once"):
        maintenance.turn_on(layout, "carol@desk", "")
    assert not layout.maintenance.exists()
