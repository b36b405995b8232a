"""Deploys held by hand."""

from pathlib import Path

import pytest

from homeport.host.release import deploy_hold
from homeport.host.system.layout import Layout
from homeport.host.system.output import LockedError
from homeport.pyinfra_support.outcome import HELD_LINE


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout("notes", tmp_path)


def test_a_deploy_is_not_refused_without_a_hold(layout: Layout) -> None:
    deploy_hold.refuse(layout)
    assert deploy_hold.unhold(layout) is None


def test_a_hold_refuses_in_one_line_with_who_since_when_and_why(layout: Layout) -> None:
    deploy_hold.hold(layout, "carol@laptop", "the database\nmoves")
    with pytest.raises(
        LockedError, match=r"^held by hand by carol@laptop since 20\S+Z: the database moves; .*homeport unlock$"
    ) as caught:
        deploy_hold.refuse(layout)
    assert caught.value.exit_status == 4
    assert HELD_LINE.match(f"error: notes: release r1: {caught.value}")


def test_whoever_holds_may_change_the_message_and_nobody_else(layout: Layout) -> None:
    deploy_hold.hold(layout, "carol@laptop", "one")
    deploy_hold.hold(layout, "carol@laptop", "two")
    with pytest.raises(LockedError, match=r"held by hand by carol@laptop since .*: two"):
        deploy_hold.hold(layout, "dave@desk", "three")


def test_anybody_may_let_go(layout: Layout) -> None:
    deploy_hold.hold(layout, "carol@laptop", "one")
    assert (deploy_hold.unhold(layout) or {})["by"] == "carol@laptop"
    deploy_hold.refuse(layout)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_damaged_hold_holds(layout: Layout, text: str) -> None:
    layout.settings.mkdir(parents=True)
    layout.hold.write_text(text)
    with pytest.raises(LockedError, match="held by hand by somebody"):
        deploy_hold.refuse(layout)
    deploy_hold.unhold(layout)
    deploy_hold.refuse(layout)
