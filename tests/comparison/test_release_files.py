"""A release whose files were made for what the host was before: for another Nginx, without IPv6, with less memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.state.paths import AppPaths
from homeport.state.snapshot import MachineFound, Snapshot, UploadedRelease

from ..state.builders import Whole, as_wanted, changes_by_phase, make_settings, make_wanted, uploaded

OLD, NEW = MachineFound("debian", "12"), MachineFound("debian", "13")
WANTED = make_wanted(machine=NEW)
STORED = f"{AppPaths(WANTED.app).release_etc(WANTED.release.id)}/site.conf"


def as_it_was(machine: MachineFound, wanted: Whole = WANTED) -> UploadedRelease:
    """Return what the host has of the same release since it was such a machine."""
    before = make_wanted(make_settings(proxy=wanted.proxy), machine)
    assert before.release.id == wanted.release.id
    return uploaded(before.release)


def idle(found: Snapshot) -> Snapshot:
    """Return the same host with another release live, and the wanted one in the slot that is not."""
    return replace(found, slots={"blue": "older", "green": WANTED.release.id})


@pytest.mark.parametrize("before", [OLD, replace(NEW, ipv6=False)])
def test_a_live_releases_copy_of_its_site_is_written_where_the_machine_has_another_one_now(
    before: MachineFound,
) -> None:
    found = replace(as_wanted(WANTED, NEW), uploaded=as_it_was(before))
    changes = changes_by_phase(WANTED, found)
    assert {phase: [str(one) for one in some] for phase, some in changes.items()} == {
        "files": [f"write {STORED} (a restart would put another site in place)"]
    }
    assert changes_by_phase(WANTED, replace(found, uploaded=uploaded(WANTED.release))) == {}


def test_an_upgrade_of_the_distribution_changes_the_copy_and_what_the_proxy_has_at_once() -> None:
    before = make_wanted(machine=OLD)
    changes = changes_by_phase(WANTED, as_wanted(before, NEW))
    assert list(changes) == ["files", "services"]
    # The copy first: a run that ends between them must not leave one that puts the old site back.
    assert [one.what for one in changes["files"]] == [
        STORED,
        "/etc/nginx/homeport/00-default.conf",
        "/etc/nginx/homeport/notes.conf",
    ]


def test_a_copy_that_is_gone_is_written() -> None:
    there = uploaded(WANTED.release)
    del there.files["site.conf"]
    assert list(changes_by_phase(WANTED, replace(as_wanted(WANTED, NEW), uploaded=there))) == ["files"]


def test_a_site_of_haproxy_is_the_same_on_both() -> None:
    wanted = make_wanted(make_settings(proxy="haproxy"), NEW)
    found = replace(as_wanted(wanted, NEW), uploaded=as_it_was(OLD, wanted))
    assert changes_by_phase(wanted, found) == {}


@pytest.mark.parametrize(
    "changed",
    [
        UploadedRelease(7, migrates=False),
        replace(uploaded(make_wanted(machine=replace(NEW, memory_megabytes=9000)).release)),
    ],
)
def test_the_part_of_the_live_release_changes_with_the_next_one(changed: UploadedRelease) -> None:
    assert changes_by_phase(WANTED, replace(as_wanted(WANTED, NEW), uploaded=changed)) == {}


@pytest.mark.parametrize(
    "changed", [None, UploadedRelease(WANTED.release.workers, migrates=False), UploadedRelease(7, migrates=True)]
)
def test_a_release_that_was_made_for_another_part_on_this_host_is_uploaded_again(
    changed: UploadedRelease | None,
) -> None:
    changes = changes_by_phase(WANTED, idle(replace(as_wanted(WANTED, NEW), uploaded=changed)))
    assert list(changes) == ["release", "start", "switch"]
    assert [str(change) for change in changes["release"]] == [
        f"upload release {WANTED.release.id} (its workers or its migration have changed here)"
    ]


@pytest.mark.parametrize(
    ("before", "names"),
    [
        (OLD, "site.conf"),
        (replace(NEW, ipv6=False), "site.conf"),
        (replace(NEW, memory_megabytes=9000), "app.service"),
    ],
)
def test_a_release_that_was_made_for_another_machine_is_uploaded_again(before: MachineFound, names: str) -> None:
    changes = changes_by_phase(WANTED, idle(replace(as_wanted(WANTED, NEW), uploaded=as_it_was(before))))
    assert list(changes) == ["release", "start", "switch"]
    assert [str(change) for change in changes["release"]] == [
        f"upload release {WANTED.release.id} (made for what this machine was before: {names})"
    ]


def test_what_an_older_host_program_does_not_tell_is_taken_to_be_right() -> None:
    silent = replace(as_it_was(OLD), files={})
    assert changes_by_phase(WANTED, replace(as_wanted(WANTED, NEW), uploaded=silent)) == {}
    assert list(changes_by_phase(WANTED, idle(replace(as_wanted(WANTED, NEW), uploaded=silent)))) == ["start", "switch"]
