from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from homeport.source.release_id import content_id, release_id

parts = st.lists(st.one_of(st.text(), st.binary()), max_size=5)


@given(parts)
def test_an_id_is_twelve_hexadecimal_characters_and_the_same_again(content: list[str | bytes]) -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", content_id(*content))
    assert content_id(*content) == content_id(*content)


@given(parts, parts)
def test_other_content_has_another_id(one: list[str | bytes], other: list[str | bytes]) -> None:
    def plain(content: list[str | bytes]) -> list[bytes]:
        return [p.encode("utf-8", "surrogateescape") if isinstance(p, str) else p for p in content]

    assert (content_id(*one) == content_id(*other)) == (plain(one) == plain(other))


@given(st.text(min_size=2), st.data())
def test_where_one_part_ends_matters(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(text) - 1))
    assert content_id(text[:at], text[at:]) != content_id(text)


@given(st.text(), st.text(), st.text(), st.text(min_size=1))
def test_every_ingredient_of_a_release_counts(tree: str, dependencies: str, configuration: str, more: str) -> None:
    def identity(a: str, b: str, c: str) -> str:
        return release_id(tree=a, dependencies_digest=b, configuration_digest=c)

    same = identity(tree, dependencies, configuration)
    assert same == identity(tree, dependencies, configuration)
    assert same != identity(tree + more, dependencies, configuration)
    assert same != identity(tree, dependencies + more, configuration)
    assert same != identity(tree, dependencies, configuration + more)


def test_an_id_never_changes_between_versions_of_homeport() -> None:
    # Releases on hosts are named so: another value would deploy everything anew.
    assert release_id(tree="a" * 40, dependencies_digest="b" * 12, configuration_digest="c" * 12) == "628bb9426410"
