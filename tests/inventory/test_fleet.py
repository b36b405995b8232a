from __future__ import annotations

import re
from pathlib import Path

from pyinfra.api import Config, Inventory, State

from homeport.inventory.fleet import fleet
from homeport.inventory.migrating_host import migrating_host
from tests.state.builders import make_settings

HOMEPORT = Path(__file__).parents[2] / "homeport"


def test_a_name_in_capitals_is_the_same_site() -> None:
    ours = {"app_name": "notes", "domain": "Notes.Example.COM"}
    inventory = Inventory(([("web1", ours), ("web2", {**ours, "domain": "notes.example.com"})], {}))
    state = State(inventory, Config())
    found = fleet(state)
    assert set(found.applications.values()) == {("notes", "notes.example.com")}
    assert migrating_host(make_settings(domain="NOTES.example.com"), found) == "web1"


def test_settings_are_read_from_host_data_in_one_place_alone() -> None:
    """Whoever looks up a key by himself has it as it was written, and not as it means."""
    # `ssh_…` and `_…` are pyinfra's own.
    looked_up = re.compile(r"\bdata(?:\.get\(|\[)\s*f?[\"'](?!ssh_|_)")
    readers = {
        str(path.relative_to(HOMEPORT))
        for path in HOMEPORT.rglob("*.py")
        if "pyinfra" in (text := path.read_text()) and looked_up.search(text)
    }
    assert readers == {"settings/loading.py"}
