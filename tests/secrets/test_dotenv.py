from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import UsageError
from homeport.secrets.dotenv import replaced, uninterpolated, variables

TEXT = "# first\n\nA=1 # one\nexport B='two'\n\n# last"
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@given(VALUES)
def test_every_value_that_is_set_is_read_back_as_it_is(value: str) -> None:
    assert variables(replaced(TEXT, "NEW", value)) == {"A": "1", "B": "two", "NEW": value}
    assert variables(replaced(TEXT, "B", value)) == {"A": "1", "B": value}


def test_everything_else_stays_as_it_is() -> None:
    assert replaced(TEXT, "A", "x y") == TEXT.replace("A=1 # one", "A='x y'")
    assert replaced(TEXT, "C", "x") == TEXT + "\nC='x'\n"


def test_a_zero_byte_is_refused_without_the_value() -> None:
    with pytest.raises(UsageError) as caught:
        replaced(TEXT, "A", "hunter2\0")
    assert "hunter" not in str(caught.value)


def test_a_value_that_other_readers_would_put_something_into_is_named_and_stays_as_it_is() -> None:
    found = variables("A=${HOST}/x\nB='$HOST {x} $(id)'\nC=\"a${B:-c}\"\nD=$${\n")
    assert found["A"] == "${HOST}/x"
    assert uninterpolated(found) == ["A", "C"]
