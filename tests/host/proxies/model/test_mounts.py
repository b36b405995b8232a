"""Applications below another one's path, as the host program knows them: by their claims."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homeport.host.proxies import maintenance
from homeport.host.proxies.model import certificates, mounts
from homeport.host.proxies.nginx.proxy import Nginx
from homeport.host.proxies.site import place
from homeport.host.system.layout import Layout
from homeport.host.system.output import HostError
from homeport.proxies.nginx.step import site
from homeport.steps.context import Context
from tests.settings.test_mounts import mounted
from tests.state.builders import make_source

SHOP = {"app": "shop", "domains": ["a.test"], "mounted_on": "notes", "mount_path": "/shop"}


@pytest.fixture
def shop(tmp_path: Path) -> Layout:
    for app, claim in {"notes": {"app": "notes", "domains": ["a.test"]}, "shop": SHOP, "broken": [1]}.items():
        layout = Layout(app, tmp_path)
        layout.settings.mkdir(parents=True)
        layout.site.write_text(json.dumps(claim))
    (tmp_path / "etc/nginx/homeport").mkdir(parents=True)
    return Layout("shop", tmp_path)


def test_a_mounted_application_and_its_owner_know_each_other(shop: Layout) -> None:
    notes = Layout("notes", shop.root)
    assert mounts.read(shop) == ("shop", "notes", "/shop")
    assert mounts.mounted_on(shop.machine, "notes") == [("shop", "notes", "/shop")]
    assert mounts.owner(shop) == notes
    assert (mounts.read(notes), mounts.owner(notes)) == (None, notes)
    assert mounts.mounted_on(shop.machine, "shop") == []


def test_its_site_is_in_a_folder_of_the_owners(shop: Layout) -> None:
    assert place(shop) == shop.root / "etc/nginx/homeport/mounts/notes/shop.conf"
    assert place(Layout("notes", shop.root)) == shop.root / "etc/nginx/homeport/notes.conf"


def test_the_certificate_of_the_name_is_the_owners_alone(shop: Layout) -> None:
    notes = Layout("notes", shop.root)
    for layout in (notes, shop):
        place(layout).parent.mkdir(parents=True, exist_ok=True)
        place(layout).write_text("server_name a.test;")
    assert certificates.sites(shop.machine, Nginx().site) == {"a.test": notes.certificate}


@pytest.mark.parametrize("before", [None, "server {}"])
def test_an_owner_whose_site_does_not_look_for_mounts_is_named(shop: Layout, before: str | None) -> None:
    if before:
        place(Layout("notes", shop.root)).write_text(before)
    with pytest.raises(HostError, match=r"the site of notes does not look for .*: deploy notes once"):
        Nginx().check_site(shop, b"")


def test_its_visitors_are_kept_out_by_the_owners_maintenance_alone(shop: Layout) -> None:
    with pytest.raises(HostError, match="shop is mounted on notes, whose maintenance closes the whole name"):
        maintenance.turn_on(shop, "carol@desk", "")
    assert not shop.maintenance.exists()


@pytest.mark.parametrize("hold_seconds", [0, 10])
def test_the_ports_of_its_slots_are_in_its_site(hold_seconds: int) -> None:
    text = site(Context(mounted(hold_seconds=hold_seconds), make_source(), {}))
    assert Nginx().ports("shop", text) == {"blue": 8001, "green": 8002}
