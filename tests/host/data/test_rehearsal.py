"""The units of a rehearsal: what is left of a release's own, and what is added."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.host.data.rehearsal import clean, derive
from homeport.host.system.layout import Layout
from homeport.rendering.rendering import render
from tests.unit_values import VALUES

STATE, FOLDER, COPY = Path("/var/lib/notes"), Path("/mnt/data/notes"), Path("/mnt/data/.notes.rehearsal")
RELEASE = VALUES | {"workers": 4}


def settings(unit: str) -> dict[str, list[str]]:
    """Return what each key of a unit file is set to, in order."""
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        if "=" in line and not line.startswith("#"):
            found.setdefault(line.split("=", 1)[0], []).append(line.split("=", 1)[1])
    return found


@pytest.mark.parametrize("name", ["app@.service", "app-migrate@.service"])
def test_a_unit_of_the_rehearsal_has_the_copy_and_stands_alone(name: str) -> None:
    unit = settings(derive(render(f"systemd/{name}", None, **RELEASE), STATE, FOLDER, COPY))

    assert not {"Requires", "Wants", "StopWhenUnneeded"} & set(unit)
    # An empty value takes back what stands before it (systemd.service(5), systemd.exec(5)).
    assert unit["ExecCondition"][-1] == unit["StateDirectory"][-1] == ""
    assert unit["Restart"][-1] == "no"
    assert unit["BindPaths"] == ["/mnt/data/.notes.rehearsal:/mnt/data/notes"]
    assert "STATE_DIRECTORY=/var/lib/notes" in unit["Environment"]
    assert unit["PrivateNetwork"] == ["yes"]
    assert unit["User"] == ["notes"]
    assert unit["ProtectSystem"] == ["strict"]


@pytest.mark.parametrize("name", ["app@.service", "app-migrate@.service"])
def test_a_rehearsal_writes_to_nothing_but_the_copy_where_links_of_it_may_lead(name: str) -> None:
    values = RELEASE | {"writable_paths": ("/mnt/uploads",)}
    unit = settings(derive(render(f"systemd/{name}", None, **values), STATE, FOLDER, COPY))

    assert unit["ReadWritePaths"] == ["/mnt/uploads", ""]


def test_a_rehearsal_has_the_copys_folders_over_those_of_the_release() -> None:
    """The source of a mount is looked up where the copy is mounted over nothing yet."""
    unit = derive(render("systemd/app@.service", None, **RELEASE | {"state_folders": ("a/up",)}), STATE, FOLDER, COPY)

    assert settings(unit)["BindPaths"] == [f"-{COPY}/a/up:/srv/notes/slots/%i/a/up", f"{COPY}:{FOLDER}"]


def test_a_rehearsal_starts_one_worker() -> None:
    unit = settings(derive(render("systemd/app@.service", None, **RELEASE), STATE, FOLDER, COPY))

    assert " --workers 1 " in unit["ExecStart"][0]
    assert "wait-healthy" in unit["ExecStartPost"][0]


def test_a_dependency_over_several_lines_goes_as_a_whole() -> None:
    unit = "[Unit]\nBindsTo=a.service \\\n  b.service \\\n  c.service\nAfter=d.service\n[Service]\nType=exec\n"

    assert "[Unit]\nAfter=d.service\n[Service]\nType=exec\n" in derive(unit, STATE, FOLDER, COPY)


def test_the_remains_of_a_killed_rehearsal_are_removed_and_nothing_else(tmp_path: Path) -> None:
    layout = Layout("notes", tmp_path)
    disk = tmp_path / "mnt/disk"
    for folder in (disk / "notes", layout.state.parent, layout.base / "slots", layout.settings / "slots"):
        folder.mkdir(parents=True)
    layout.state.symlink_to(disk / "notes")
    left = [disk / ".notes.rehearsal/copy", layout.state.with_name(".notes.rehearsal") / "copy"]
    for folder in left:
        folder.mkdir(parents=True)
    for link in layout.links("rehearsal"):
        link.symlink_to("../releases/r1")
    (layout.settings / "rehearsal.env").touch()
    (disk / "notes/database").touch()

    clean(layout)
    clean(layout)

    assert [path for path in tmp_path.rglob("*") if "rehearsal" in path.name] == []
    assert (layout.state / "database").exists()


def test_a_state_folder_on_a_disk_that_is_away_is_no_obstacle(tmp_path: Path) -> None:
    layout = Layout("notes", tmp_path)
    layout.state.parent.mkdir(parents=True)
    layout.state.symlink_to(tmp_path / "mnt/away/notes")

    clean(layout)


def test_a_rehearsal_leaves_out_before_start_and_no_other_command() -> None:
    values = RELEASE | {"before_start": ("./fetch",)}
    text = render("systemd/app@.service", None, **values).replace("[Service]\n", "[Service]\nExecStartPre=/bin/own\n")

    assert len(settings(text)["ExecStartPre"]) == 2
    assert settings(derive(text, STATE, FOLDER, COPY))["ExecStartPre"] == ["/bin/own"]
