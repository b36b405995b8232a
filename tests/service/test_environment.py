"""The file that systemd reads; tests/lab/test_environment.py sends the same kind of values through a real unit."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from homeport.service.environment import environment_file

NAMES = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,8}\Z")
VALUES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from("\"\\`$'\n\r\t #;=%"), max_size=30
)


def as_systemd_reads(text: str) -> dict[str, str]:
    """Read an environment file by the rules of systemd.exec(5) for values in double quotes."""
    found, position = {}, 0
    while position < len(text):
        name, _, _ = text[position:].partition("=")
        position += len(name) + 1
        assert text[position] == '"'
        position += 1
        value = ""
        while text[position] != '"':
            if text[position] == "\\":
                position += 1
                # A backslash before any other character stays, one before a line break joins the lines.
                value += "" if text[position] == "\n" else "" if text[position] in '"\\`$' else "\\"
                value += "" if text[position] == "\n" else text[position]
            else:
                value += text[position]
            position += 1
        assert text[position : position + 2] == '"\n'
        position += 2
        found[name] = value
    return found


@given(st.dictionaries(NAMES, VALUES))
def test_every_value_comes_out_as_it_went_in(variables: dict[str, str]) -> None:
    assert as_systemd_reads(environment_file(variables)) == variables


@given(st.dictionaries(NAMES, VALUES))
def test_the_order_of_the_variables_does_not_matter(variables: dict[str, str]) -> None:
    backwards = dict(reversed(variables.items()))
    assert environment_file(variables) == environment_file(backwards)


@given(st.dictionaries(NAMES, VALUES))
def test_no_value_can_set_another_variable(variables: dict[str, str]) -> None:
    unquoted = re.sub(r'"(?:[^"\\]|\\.)*"', "", environment_file(variables), flags=re.DOTALL)
    assert unquoted.splitlines() == [f"{name}=" for name in sorted(variables)]


def test_no_variables_make_an_empty_file() -> None:
    assert environment_file({}) == ""
