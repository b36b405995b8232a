"""Which release a rollback goes to, and when it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.errors import HomeportError
from homeport.releases import rollback
from homeport.releases.listing import ReleaseFound, Releases, parse

A = ReleaseFound("a", "good", live_at="t1", tree="ta", migrations=(("1", "One"),))
B = ReleaseFound("b", "live", live_at="t2", tree="tb", migrations=(("1", "One"), ("2", "Two")))
BAD = ReleaseFound("bad", "bad")
NEVER = ReleaseFound("never", "never live")
LEFT = ReleaseFound("left", "rolled-back", live_at="t0", tree="tl", migrations=())
FOUND = Releases("b", "b", running=True, workers=2, previous="a", releases=(B, A, BAD, NEVER, LEFT))


def refused(asked: str, found: Releases = FOUND) -> str:
    with pytest.raises(HomeportError) as caught:
        rollback.find_target(asked, found)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_previous_good_one_or_the_one_that_is_named() -> None:
    assert rollback.find_target("previous", FOUND) is A
    assert rollback.find_target("left", FOUND) is LEFT
    assert rollback.find_target("b", FOUND) is B


def test_a_release_that_was_never_proven_is_refused_with_the_reason() -> None:
    assert refused("bad").startswith("release bad has failed here")
    assert refused("never").startswith("release never was never live here")
    assert refused("gone").startswith("there is no release gone here")
    assert refused("a", replace(FOUND, releases=(B, replace(A, whole=False)))).startswith(
        "files of release a are missing, or the Python of its environment is"
    )


def test_without_anything_to_go_back_to_it_is_refused() -> None:
    assert refused("previous", replace(FOUND, previous="")).startswith("there is no good release before b")
    assert refused("previous", Releases()).startswith("no release is live here")


def test_after_an_interrupted_rollback_the_way_must_be_named() -> None:
    cut = replace(FOUND, live="a", proven="b", previous="b")
    assert "--to a" in refused("previous", cut)
    assert rollback.find_target("a", cut) is A


def test_after_an_interrupted_deploy_the_previous_one_is_clear() -> None:
    new = ReleaseFound("new", "live")
    cut = replace(FOUND, live="new", proven="b", previous="b", releases=(new, *FOUND.releases))
    assert rollback.find_target("previous", cut).id == "b"


def test_hosts_that_disagree_are_named_with_what_each_would_go_to() -> None:
    rollback.refuse_disagreement({"web1": "a", "web2": "a"})
    with pytest.raises(HomeportError, match=r"web1 to a, web2 to b; .*--to ID"):
        rollback.refuse_disagreement({"web2": "b", "web1": "a"})


@pytest.mark.parametrize(
    ("live", "target", "between"),
    [
        (B, A, (("2", "Two"),)),
        (A, B, ()),
        (B, B, ()),
        (B, LEFT, (("1", "One"), ("2", "Two"))),
        (replace(B, migrations=()), replace(A, migrations=None), ()),
        (replace(B, migrations=None), A, None),
        (B, replace(A, migrations=None), None),
        (replace(B, migrations=None), replace(A, migrations=None, tree="tb"), ()),
    ],
)
def test_the_migrations_that_are_left_behind(
    live: ReleaseFound, target: ReleaseFound, between: tuple[tuple[str, str], ...] | None
) -> None:
    found = replace(FOUND, live=live.id, releases=(live,) if live.id == target.id else (live, target))
    assert rollback.left_behind(found, target) == between


def test_migrations_in_between_are_shown_and_must_be_accepted() -> None:
    with pytest.raises(HomeportError, match=r"does not undo migrations, and these lie between: 2 Two; .*--yes"):
        rollback.refuse_migrations(FOUND, A, accepted=False)
    rollback.refuse_migrations(FOUND, A, accepted=True)
    rollback.refuse_migrations(replace(FOUND, live="a", proven="a"), B, accepted=False)
    assert [str(change) for change in rollback.start_changes(FOUND, A)] == [
        "start release a again (live: b)",
        "keep in the database: 2 Two (a rollback does not undo migrations)",
    ]


def test_where_nobody_can_tell_it_must_be_accepted_too() -> None:
    unknown = replace(FOUND, releases=(replace(B, migrations=None), A))
    with pytest.raises(HomeportError, match="migrations may lie between b and a"):
        rollback.refuse_migrations(unknown, A, accepted=False)


def test_a_rollback_to_the_live_release_finishes_an_interrupted_switch_only() -> None:
    assert rollback.start_changes(FOUND, B) == ()
    assert rollback.switch_changes(FOUND, B) == ()
    [change] = rollback.switch_changes(replace(FOUND, proven="a"), B)
    assert str(change) == "finish the switch to release b (it was interrupted)"


def test_a_live_release_that_is_down_is_started() -> None:
    assert rollback.start_changes(replace(FOUND, running=False), B)


def test_the_hosts_list_is_read_with_what_an_older_host_does_not_say() -> None:
    raw = {"live": None, "proven": None, "running": False, "workers": None, "previous": None, "hold": None}
    assert parse({**raw, "releases": []}) == Releases()
    [one] = parse({**raw, "releases": [{"id": "a", "state": "good", "whole": True, "migrations": None}]}).releases
    assert one == ReleaseFound("a", "good")
