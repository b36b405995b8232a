"""Tables in braces over several lines (TOML 1.1), which uv reads and Python's own reader does not."""

from __future__ import annotations

import tomllib

import pytest

from homeport.source.toml_text import as_toml_1_0

# What a string, a comment and a list may have in them that looks like an end.
TEXT = """
one = {
  a = "x # no, } {", # a remark with } and "
  'b' = [1,
    2, # in a list
  ],
  c = { d = 'y', },
}
two = [
  { e = '''z
}''' },
]
"""


def test_tables_over_several_lines_are_read() -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(TEXT)
    assert tomllib.loads(as_toml_1_0(TEXT)) == {
        "one": {"a": "x # no, } {", "b": [1, 2], "c": {"d": "y"}},
        "two": [{"e": "z\n}"}],
    }


@pytest.mark.parametrize(
    "text", ["a = 1\n# { }\n[b]\nc = {d = 1}\n", 'a = "\\"{"\nb = """\n{\n"""\n', "a = [\n1,\n]\n"]
)
def test_what_is_toml_as_it_is_means_the_same(text: str) -> None:
    assert tomllib.loads(as_toml_1_0(text)) == tomllib.loads(text)


@pytest.mark.parametrize("text", ["a = {", "}", "a = {\nb\n}", '"', "a = ]", ","])
def test_what_is_none_stays_none(text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(as_toml_1_0(text))
