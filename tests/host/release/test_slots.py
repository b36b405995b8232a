"""Which slot is live, which one is next, and what a slot may do."""

from pathlib import Path

import pytest

from homeport.host.release import slots
from homeport.host.release.committing import choose
from homeport.host.release.live_slot import which_is_live
from homeport.host.release.slots import Slot, Slots
from homeport.host.release.switching import flip
from homeport.host.system import atomic
from homeport.host.system.layout import BLUE, GREEN, SLOTS, Layout, other
from homeport.host.system.output import HostError


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout("notes", tmp_path)
    for folder in (made.base / "slots", made.settings / "slots", made.machine.runtime):
        folder.mkdir(parents=True)
    return made


def found(live: str | None, blue: str | None = None, green: str | None = None, active: str = "") -> Slots:
    return Slots(
        live, Slot(BLUE, blue, BLUE in active, enabled=False), Slot(GREEN, green, GREEN in active, enabled=False)
    )


@pytest.mark.parametrize(
    ("flag", "blue_enabled", "ever_live", "live"),
    [
        (False, False, False, None),
        (False, True, False, BLUE),  # the first commit was cut off before it was logged
        (False, False, True, BLUE),  # somebody disabled the unit by hand
        (True, False, True, GREEN),
        (True, True, True, GREEN),  # a switch from blue to green was cut off after the flip
    ],
)
def test_the_flag_says_which_slot_is_live(flag: bool, blue_enabled: bool, ever_live: bool, live: str | None) -> None:
    assert which_is_live(flag=flag, blue_enabled=blue_enabled, ever_live=ever_live) == live


def test_the_first_release_goes_to_blue_and_each_next_one_to_the_other_slot() -> None:
    assert [found(live).target for live in (None, BLUE, GREEN)] == [BLUE, GREEN, BLUE]


def test_a_slot_holds_a_release_only_when_both_links_say_so(layout: Layout) -> None:
    code, settings = layout.links(BLUE)
    assert slots.linked_release(layout, BLUE) is None

    atomic.point(code, "../releases/r1")
    assert slots.linked_release(layout, BLUE) is None

    atomic.point(settings, "../releases/r2")
    assert slots.linked_release(layout, BLUE) is None

    atomic.point(settings, "../releases/r1")
    assert slots.linked_release(layout, BLUE) == "r1"


@pytest.mark.parametrize("live", SLOTS)
def test_a_boot_lets_only_the_slot_run_that_the_flag_names(layout: Layout, live: str) -> None:
    flip(layout, live)

    assert slots.may_run(layout, live)
    assert not slots.may_run(layout, other(live))


def test_a_slot_that_is_not_live_may_run_with_a_permit(layout: Layout) -> None:
    slots.permit(layout, GREEN)

    assert slots.may_run(layout, GREEN)


def test_flipping_twice_is_flipping_once(layout: Layout) -> None:
    for slot in (GREEN, GREEN, BLUE, BLUE):
        flip(layout, slot)
        assert layout.flag.exists() == (slot == GREEN)


@pytest.mark.parametrize(
    ("state", "slot"),
    [
        (found(None, blue="r1", active="blue"), BLUE),
        (found(BLUE, blue="r0", green="r1", active="blue green"), GREEN),
        (found(GREEN, blue="r0", green="r1", active="green"), GREEN),
        (found(BLUE, blue="r1", green="r1", active="green"), GREEN),  # the live one died, the same release was started
        (found(BLUE, blue="r1", green="r1", active="blue green"), BLUE),
    ],
)
def test_a_commit_finds_the_slot_that_runs_the_release(state: Slots, slot: str) -> None:
    assert choose(state, "r1") == slot


@pytest.mark.parametrize(
    "state",
    [found(None), found(None, blue="r1"), found(BLUE, blue="r0", green="r1", active="blue"), found(GREEN, green="r0")],
)
def test_a_commit_refuses_what_is_not_running(state: Slots) -> None:
    with pytest.raises(HostError, match="start it first"):
        choose(state, "r1")


def test_the_port_of_a_slot_is_the_one_that_its_processes_are_told(layout: Layout) -> None:
    assert slots.port(layout, BLUE) is None
    (layout.settings / "blue.env").write_text("HOMEPORT_SLOT=blue\nHOMEPORT_PORT=8011\n")
    assert slots.port(layout, BLUE) == 8011
    (layout.settings / "blue.env").write_text("HOMEPORT_PORT=\n")
    assert slots.port(layout, BLUE) is None
