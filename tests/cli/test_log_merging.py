"""Lines of several hosts in one order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from homeport.cli.log_merging import Merge


def line(seconds: float, text: str = "") -> tuple[float, dict[str, Any]]:
    return seconds, {"at": seconds, "text": text}


def times(lines: list[Mapping[str, Any]]) -> list[float]:
    return [one["at"] for one in lines]


def settled(newest: int = 100) -> Merge:
    """Return a merge whose hosts a and b have answered."""
    merge = Merge(newest, settling_seconds=2)
    assert merge.add("a", [], 10, now=0) == []
    assert merge.add("b", [], 10, now=3) == []
    return merge


def test_a_line_waits_until_no_host_can_bring_an_earlier_one() -> None:
    merge = settled()
    assert merge.add("a", [line(11), line(13)], 14, now=4) == []
    assert times(merge.add("b", [line(12)], 12.5, now=4)) == [11, 12]
    assert times(merge.add("b", [], 15, now=5)) == [13]


def test_the_newest_old_lines_of_all_hosts_and_all_new_lines_are_shown() -> None:
    merge = Merge(2, settling_seconds=2)
    assert merge.add("a", [line(1), line(5)], 10, now=0) == []
    assert merge.add("a", [line(11)], 12, now=1) == []
    assert times(merge.add("b", [line(3), line(4)], 12, now=3)) == [4, 5, 11]


def test_a_host_that_is_silent_or_lost_holds_nobody_up() -> None:
    merge = settled()
    assert merge.add("a", [line(11)], 12, now=4) == []
    assert times(merge.add("a", [], 20, now=9)) == [11]
    merge = settled()
    merge.add("a", [line(11)], 12, now=4)
    assert times(merge.lost("b", now=4)) == [11]


# No line is of a time that its host has been done with (`upto`, a thousandth of a second later).
@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0.002, 5)), max_size=40))
def test_lines_that_each_host_sends_in_order_are_all_shown_in_order(steps: list[tuple[str, float]]) -> None:
    merge, clocks, shown, given_lines = settled(), {"a": 10.0, "b": 10.0}, [], []
    for number, (host, passed) in enumerate(steps):
        clocks[host] += passed
        given_lines.append(clocks[host])
        shown += times(merge.add(host, [line(clocks[host])], clocks[host] + 0.001, now=3 + number / 100))
    shown += times(merge.rest())
    assert sorted(shown) == sorted(given_lines)
    assert shown == sorted(shown)
