"""The runbook, run: each entry's trouble is made on a machine, and its commands are typed as they stand.

The entries share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from homeport.lab import Lab
from tests import tiers
from tests.docs.faults import EVENTS, FAULTS
from tests.docs.pages import Entry, entries
from tests.docs.world import World
from tests.lab.project import REPOSITORY
from tests.lab.seasoned import Seasoned

PAGE = REPOSITORY / "docs" / "runbook.md"
_, FIRST, *OTHERS = entries(PAGE)
ENTRIES = [entry for entry in OTHERS if entry.blocks]
# Variables of the application's own.
OF_THE_APPLICATION = {"STATE_DIRECTORY"}
# Run each time: the way in and the way back. What the others do on a machine is shown by
# tests of its own as well (test_deploy, test_doctor, test_cli_run, test_locking, test_disk_full, test_secrets,
# test_ssh, test_upkeep), and that their commands exist by test_commands: of these `make test` takes a sample.
ALWAYS = {"Deploy", "A bad release is live: roll back"}
# The last ones, which leave nothing on the machine that the others had.
END = {"Move to another machine", "Remove an application"}
# A whole distribution is downloaded and installed.
LONG = {"From Debian 12 to 13"}
ONLY_ALL = pytest.mark.skipif(not tiers.EVERYTHING, reason="upgrades a whole distribution: 'make test-all'")


def marks(title: str) -> tuple[pytest.MarkDecorator, ...]:
    if title in LONG:
        return (ONLY_ALL,)
    if title in ALWAYS:
        return ()
    return (pytest.mark.sampled("end"),) if title in END else (pytest.mark.sampled,)


PARTS = ("**Symptom.**", "**Check.**", "**Action.**", "**It worked when**")


@pytest.fixture(scope="module")
def world(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[World]:
    world = World.create(lab, seasoned, tmp_path_factory.mktemp("runbook"), "runbook")
    for block in FIRST.blocks:
        world.shell.run(block, PAGE.name)
    yield world
    for host in {world.host, *world.machines.values()}:
        lab.remove(host.name)


def test_every_entry_has_its_fault_and_its_four_parts() -> None:
    assert [entry.title for entry in ENTRIES] == list(FAULTS)
    for entry in ENTRIES:
        places = [entry.text.find(part) for part in PARTS]
        assert -1 not in places, entry.title
        assert places == sorted(places), entry.title
        assert {block.meanwhile for block in entry.blocks} <= {"", *EVENTS}
        assert not any(block.not_run for block in entry.blocks), entry.title


def test_the_entries_that_are_chosen_by_name_exist() -> None:
    assert {entry.title for entry in ENTRIES} >= ALWAYS | END | LONG


def test_the_reader_is_told_of_every_variable() -> None:
    told = assigned(FIRST)
    assert told
    for entry in ENTRIES:
        used = set(re.findall(r"\$([A-Z_]+)", "\n".join(block.text for block in entry.blocks)))
        assert used <= told | assigned(entry) | OF_THE_APPLICATION, entry.title


def assigned(entry: Entry) -> set[str]:
    return set(re.findall(r"^([A-Z]+)=", "\n".join(block.text for block in entry.blocks), flags=re.MULTILINE))


@pytest.mark.lab
@pytest.mark.parametrize(
    "entry", [pytest.param(entry, marks=marks(entry.title)) for entry in ENTRIES], ids=lambda entry: entry.title
)
def test_an_entry_ends_the_trouble_that_it_is_about(world: World, entry: Entry) -> None:
    with FAULTS[entry.title](world):
        for block in entry.blocks:
            if block.meanwhile:
                EVENTS[block.meanwhile](world)
            world.shell.run(block, PAGE.name)
