"""Which previews a host has, by the claims of its applications."""

from __future__ import annotations

import json
from pathlib import Path

from homeport.host.reports.previews import previews
from homeport.host.system.layout import Layout, MachineLayout

PREVIEW = {"of": "notes", "branch": "login", "until": "2030-01-04T10:00:00Z", "url": "https://notes.example.com/"}


def claim(root: Path, app: str, **more: object) -> Layout:
    layout = Layout(app, root)
    layout.settings.mkdir(parents=True)
    layout.site.write_text(json.dumps({"app": app, "domains": [], "ports": [], **more}))
    return layout


def test_they_are_told_with_the_release_that_went_live_last(tmp_path: Path) -> None:
    claim(tmp_path, "notes")
    claim(tmp_path, "shop-a", preview={**PREVIEW, "of": "shop", "branch": "a"})
    claim(tmp_path, "notes-zebra", preview={**PREVIEW, "branch": "zebra"})
    layout = claim(tmp_path, "notes-login", preview=PREVIEW)
    layout.base.mkdir(parents=True)
    entries = [{"event": "live", "release": name, "at": f"t-{name}", "by": "x"} for name in ("one", "two")]
    layout.log.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    (layout.settings_releases / "two").mkdir(parents=True)
    (layout.settings_releases / "two" / "release.json").write_text('{"commit": "abc"}')
    first, second = previews(MachineLayout(tmp_path), "notes")
    assert first == {
        "app": "notes-login",
        **{name: value for name, value in PREVIEW.items() if name != "of"},
        "release": "two",
        "commit": "abc",
        "live_at": "t-two",
    }
    assert (second["branch"], second["release"], second["live_at"]) == ("zebra", None, None)


def test_a_damaged_claim_is_passed_over(tmp_path: Path) -> None:
    claim(tmp_path, "notes-login").site.write_text("{")
    claim(tmp_path, "notes-more", preview="?")
    assert previews(MachineLayout(tmp_path), "notes") == []
