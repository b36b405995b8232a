"""Who holds a host, in words."""

import json

import pytest

from homeport.state.holder import held_by_hand, held_by_run

RUN = {"action": "deploy", "by": "alice", "from": "laptop", "since": "2030-01-01T00:00:00Z", "ref": "main"}


def test_a_run_is_told_by_who_from_where_since_when_and_which_ref() -> None:
    assert held_by_run(json.dumps(RUN)) == "held by a deploy of alice from laptop since 2030-01-01T00:00:00Z (ref main)"


def test_the_release_is_told_where_it_is_known() -> None:
    assert held_by_run(json.dumps({**RUN, "release": "r1"})).endswith("(ref main, release r1)")


def test_a_hold_is_told_with_its_message() -> None:
    text = json.dumps({**RUN, "message": "the database moves"})
    assert held_by_hand(text) == "held by hand by alice from laptop since 2030-01-01T00:00:00Z: the database moves"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"by": ""}', "\x00"])
def test_a_damaged_note_still_says_that_somebody_holds(text: str) -> None:
    assert held_by_run(text) == "held by another run"
    assert held_by_hand(text) == "held by hand by somebody"
