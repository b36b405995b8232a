"""What `systemctl show` says of units, as all readers of a host have it."""

from __future__ import annotations

import pytest

from homeport.host.services.unit_state import UnitState, blocks, parse, properties, state

SHOWN = """\
Id=notes@blue.service
LoadState=loaded
ActiveState=activating
SubState=auto-restart
Result=exit-code
UnitFileState=enabled
NeedDaemonReload=yes
NRestarts=3
MainPID=0
StateChangeTimestamp=Mon 2026-05-04 02:00:00 UTC

Id=certbot.timer
LoadState=not-found
ActiveState=inactive
UnitFileState=
"""


def test_units_are_known_by_their_names_with_what_was_asked_for() -> None:
    found = parse(SHOWN)
    assert found["notes@blue.service"] == UnitState(
        load="loaded",
        active="activating",
        file_state="enabled",
        needs_reload=True,
        sub="auto-restart",
        result="exit-code",
        restarts=3,
        since="Mon 2026-05-04 02:00:00 UTC",
    )
    assert found["certbot.timer"] == UnitState("not-found", "inactive", "")
    assert (found["notes@blue.service"].is_active, found["notes@blue.service"].boots) == (False, True)


def test_a_value_may_have_the_sign_that_ends_a_name_and_what_is_no_property_is_passed_over() -> None:
    assert properties("A=1\nB=x=y\n\nC=\nnoise") == {"A": "1", "B": "x=y", "C": ""}


def test_of_nothing_there_is_no_unit() -> None:
    assert (blocks(""), parse("\n\n")) == ([], {})


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="often"):
        state({"NRestarts": "often"})
