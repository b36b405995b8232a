"""What the log of releases tells of the last deploy."""

from __future__ import annotations

from homeport.releases import log as deploys
from tests.report.status_values import RAW, entry, step

LOG = RAW["log"]
MADE, ENDED = "2030-01-01T10:00:00+00:00", "2030-01-01T10:00:12.500Z"


def names(log: list[dict[str, object]], **times: str) -> list[tuple[str, float]]:
    return [(one["name"], one["seconds"]) for one in deploys.steps(log, **times)]


def test_the_steps_of_start_and_commit_are_those_of_one_deploy() -> None:
    assert names(LOG) == [("prepare", 0.5), ("migration", 1.5), ("start", 2.0), ("switch", 0.1), ("watch", 4.9)]


def test_before_them_comes_the_upload_and_after_them_the_end_of_the_old_slot() -> None:
    found = names(LOG, made_at=MADE, ended_at=ENDED)
    assert (found[0], found[-1]) == (("upload", 2.0), ("drain", 1.5))


def test_a_release_that_was_made_long_ago_was_not_uploaded_now_and_a_slot_that_ended_before_was_not_drained() -> None:
    found = names(LOG, made_at="2029-12-01T00:00:00+00:00", ended_at="2030-01-01T09:00:00Z")
    assert (found[0][0], found[-1][0]) == ("prepare", "watch")


def test_a_log_of_an_older_homeport_has_no_steps() -> None:
    assert deploys.steps([entry("started", "a", MADE), entry("live", "a", ENDED)], made_at=MADE) == []
    assert deploys.steps([]) == []


def test_the_start_of_an_earlier_deploy_does_not_count() -> None:
    log = [*LOG, entry("failed", "new", "2030-01-01T11:00:00Z", steps=[step("prepare", 50, 51)])]
    assert names(log) == [("prepare", 1.0)]


def test_a_deploy_is_told_from_a_rollback() -> None:
    assert deploys.kind(LOG, LOG[-1]) == "deploy"
    back = [*LOG, entry("rolled-back", "new", ENDED), entry("live", "old", ENDED)]
    last = deploys.last(back)
    assert last is not None
    assert deploys.kind(back, last) == "rollback"
    refused = [*LOG, entry("failed", "old", ENDED, kept=True)]
    assert deploys.kind(refused, refused[-1]) == "rollback"


def test_the_events_are_what_visitors_could_have_noticed() -> None:
    assert [(one["event"], one["release"]) for one in deploys.events(LOG)] == [("live", "old"), ("live", "new")]
