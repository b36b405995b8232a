"""What keeps a preview from a host, and an application from the place of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from homeport.plans import previews
from homeport.plans.wanted import describe
from homeport.preflight.memory import sized
from homeport.preflight.previews import refusal
from homeport.settings import Settings
from homeport.settings.loading import load
from homeport.state.snapshot import Claim, Snapshot
from homeport.state.wanted import Wanted
from homeport.steps.context import Context
from tests.state.builders import as_wanted, bare, make_settings, make_source

DATA = {"app_name": "notes", "domain": "notes.example.com"}
PREVIEW = load({**DATA, "preview": {"branch": "login", "until": "2030-01-04T10:00:00Z"}}, "web1")
OWNER = Claim("notes", ("notes.example.com",), (8001, 8002))
OURS = Claim("notes-login", ("notes.example.com",), (12000, 12001), "notes", "/preview/login", "notes", "login")


def wanted() -> Wanted:
    return describe(previews.STEPS, Context(PREVIEW, make_source(), {}))


def said(*claims: Claim, settings: Settings = PREVIEW, found: Snapshot | None = None, **more: Any) -> str:
    there = found or as_wanted(wanted())
    problem = refusal(settings, wanted(), replace(there, claims=claims, **more))
    return problem.line() if problem else ""


def test_a_preview_is_made_and_brought_up_to_date_beside_its_owner() -> None:
    assert said(OWNER) == ""
    assert said(OWNER, OURS) == ""


def test_without_its_owner_there_is_none() -> None:
    assert said(OURS) == "preview: notes is not on this host; deploy it first"


def test_an_application_that_has_the_name_already_is_never_taken_for_a_preview() -> None:
    other = replace(OURS, preview_of="", branch="")
    assert said(OWNER, other).startswith("app_name: the application notes-login on this host is no preview")


def test_two_branches_with_one_label_are_told_apart() -> None:
    line = said(OWNER, replace(OURS, branch="Login"))
    assert line.startswith(
        "preview: notes-login is the preview of another branch on this host, Login; homeport preview"
    )


def test_data_that_a_removed_application_has_left_are_not_for_a_preview() -> None:
    assert said(OWNER, occupied=frozenset({"/var/lib/notes-login"})).startswith(
        "app_name: the host has data of an application notes-login"
    )


def test_a_preview_changes_nothing_that_the_machine_shares() -> None:
    paths = {path: one for path, one in as_wanted(wanted()).paths.items() if path != "/etc/nginx/nginx.conf"}
    line = said(OWNER, OURS, paths=paths)
    assert line == (
        "preview: a preview changes nothing of the machine, and /etc/nginx/nginx.conf would change; "
        "deploy notes with this homeport and these settings first"
    )


def test_an_application_does_not_take_the_place_of_a_preview() -> None:
    settings = make_settings(app_name="notes-login")
    assert said(OWNER, OURS, settings=settings).startswith("app_name: notes-login is a preview of notes on this host")
    assert said(OWNER, OURS, settings=make_settings()) == ""


def test_previews_take_no_part_of_the_memory_of_the_others() -> None:
    found = replace(bare(), claims=(OWNER, OURS, replace(OURS, app="notes-more")))
    assert sized(make_settings(), found).applications == 1
    assert sized(make_settings(app_name="shop"), found).applications == 2


def test_who_gets_in_and_upkeep_are_not_a_previews() -> None:
    part = wanted().part
    assert not [file.path for file in part.files if file.file_set == "access" or "apt" in file.path]
    assert not part.withdrawn
    assert "Access" not in dict(previews.PHASES)


def test_its_slice_holds_all_of_it_to_its_memory() -> None:
    texts = {file.path: file.content for file in wanted().part.files}
    assert "MemoryMax=256M" in texts["/etc/systemd/system/system-homeport_notes_login.slice"]


def test_it_ends_by_a_timer_at_its_time() -> None:
    texts = {file.path: file.content for file in wanted().part.files}
    timer, service = (texts[f"/etc/systemd/system/homeport-preview@notes-login.{end}"] for end in ("timer", "service"))
    assert "OnCalendar=2030-01-04 10:00:00 UTC" in timer
    assert "date +%%s -d 2030-01-04T10:00:00Z" in service
    assert "/etc/homeport/notes-login/remove.py" in service
