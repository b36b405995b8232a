"""The cause of a failed start, in one line."""

import json

import pytest

from homeport.host.services.cause_line import cause_line
from homeport.host.services.failures import (
    before_the_start,
    before_the_stop,
    explain,
    explain_migration,
    last_ending,
    last_word,
    parse,
    tail,
)
from homeport.host.services.unit_state import properties
from homeport.host.services.units import command_status

GATE = "{{ path=/x ; argv[]=/x a ; code=exited ; b ; ignore_errors=no ; pid=7 ; code={code} ; status={status} }}"


def unit(gate: str = "", **properties: str) -> dict[str, str]:
    healthy = {"ActiveState": "failed", "Result": "exit-code", "ExecMainCode": "1", "ExecMainStatus": "0"}
    return {**healthy, "ExecStartPost": gate, **properties}


@pytest.mark.parametrize(
    ("app", "word", "cause"),
    [
        (
            unit(GATE.format(code="exited", status="1/FAILURE")),
            "/health answered 503 instead of 200 (after 60 s)",
            "it did not become healthy: /health answered 503 instead of 200 (after 60 s)",
        ),
        (
            unit(GATE.format(code="exited", status=3), ExecMainStatus="1"),
            "the process exited",
            "the process exited before it was healthy (status 1)",
        ),
        (
            unit(GATE.format(code="exited", status=3), Result="signal", ExecMainCode="2", ExecMainStatus="9"),
            "",
            "the process exited before it was healthy (killed by SIGKILL)",
        ),
        (
            unit(Result="signal", ExecMainCode="2", ExecMainStatus="9", MemoryMax=str(500 * 2**20)),
            "",
            "the process exited before it was healthy (killed by SIGKILL, as the kernel does for lack of memory: the "
            "limit is 500 MB, memory_max_megabytes)",
        ),
        (
            unit(Result="exit-code", ExecMainStatus="1", MemoryMax=str(500 * 2**20)),
            "",
            "the process exited before it was healthy (status 1)",
        ),
        (
            unit(GATE.format(code="(null)", status="0/0"), ExecMainStatus="203"),
            "",
            "the process exited before it was healthy (status 203)",
        ),
        (unit(Result="timeout"), "", "it did not start within its time-out"),
        (unit(Result="resources"), "", "systemd did not start it (result resources, state failed)"),
    ],
)
def test_the_cause_of_a_failed_start_is_named(app: dict[str, str], word: str, cause: str) -> None:
    assert explain(app, word) == cause


SYSTEMD = [
    ("systemd", "app@blue.service: Main process exited, code=exited, status=7/NOTRUNNING"),
    ("homeport-host", "homeport: the process exited before /health was healthy; last: connection refused"),
    ("systemd", "app@blue.service: Failed with result 'exit-code'."),
    ("systemd", "Starting app@blue.service - app, a FastAPI application (blue slot)..."),
]


def test_how_a_process_ended_is_known_also_when_it_is_being_started_again() -> None:
    started_again = unit("", Result="success", ActiveState="activating", ExecMainStatus="0")
    word = "the process exited before /health was healthy; last: connection refused"
    assert explain(started_again, word, last_ending(SYSTEMD)) == "the process exited before it was healthy (status 7)"
    killed = [("systemd", "app@blue.service: Main process exited, code=killed, status=9/KILL")]
    state = {**started_again, "MemoryMax": str(500 * 2**20)}
    assert "(killed by SIGKILL, as the kernel does for lack of memory" in explain(state, word, last_ending(killed))
    # The gate's own verdict stays: that the process ended then was its doing.
    late = "/health answered 503 instead of 200 (after 60 s)"
    assert explain(started_again, late, last_ending(SYSTEMD)) == f"it did not become healthy: {late}"
    # So does systemd's, where an earlier start ended by itself: this one took too long.
    timed_out = unit("", Result="timeout")
    assert explain(timed_out, word, last_ending(SYSTEMD)) == "it did not start within its time-out"


def test_only_systemd_says_how_a_process_ended() -> None:
    assert last_ending([("fastapi", SYSTEMD[0][1])]) == ""
    assert last_ending([]) == ""


def test_a_migration_says_its_status_or_its_time_limit() -> None:
    assert explain_migration(unit(ExecMainStatus="3"), []) == "the migration failed (status 3)"
    assert "migrate_timeout_seconds" in explain_migration(unit(Result="timeout"), [])
    killed = unit(ExecMainCode="2", ExecMainStatus="64")
    assert explain_migration(killed, []) == "the migration failed (killed by SIGRTMAX)"


def test_a_migration_that_may_not_count_as_run_says_why() -> None:
    lines = [("migrate", "error: notes: release r1: the database is at b: deploy both"), ("systemd", "error: failed")]
    assert explain_migration(unit(ExecMainStatus="255"), lines) == "the database is at b: deploy both"
    other = [("migrate", "error: notes: release r1: something of the application's own")]
    assert explain_migration(unit(ExecMainStatus="255"), other) == "the migration failed (status 255)"


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("", None),
        (GATE.format(code="(null)", status="0/0"), None),
        (GATE.format(code="killed", status="15/TERM"), None),
        (GATE.format(code="exited", status="3"), 3),
        (GATE.format(code="exited", status="1/FAILURE"), 1),
    ],
)
def test_the_gates_status_is_read_from_the_property(value: str, status: int | None) -> None:
    assert command_status(value) == status


def test_properties_may_contain_anything_after_the_first_equals_sign() -> None:
    assert properties("A=1\nB=x=y\n\nC=\n") == {"A": "1", "B": "x=y", "C": ""}


def test_the_applications_own_lines_are_shown_and_ours_are_not() -> None:
    entries = [
        ("systemd", "Starting app@blue.service"),
        ("fastapi", "starting"),
        ("fastapi", 'INFO: 127.0.0.1:1 - "GET /health HTTP/1.1" 503'),
        ("homeport-host", "homeport: waiting for /health"),
        ("fastapi", "no database"),
    ]

    assert tail(entries, "/health") == ("starting", "no database")


def test_where_the_application_wrote_nothing_systemd_has_the_word() -> None:
    assert tail([("systemd", "Failed to execute /srv/x: No such file")]) == ("Failed to execute /srv/x: No such file",)


def test_the_tail_is_bounded() -> None:
    assert tail([("fastapi", str(number)) for number in range(50)]) == tuple(str(number) for number in range(30, 50))


def test_a_manager_that_writes_much_when_its_workers_fail_does_not_push_the_cause_out() -> None:
    manager = ["Traceback (most recent call last):", *[f"  frame {number}" for number in range(40)]]
    lines = ["ValueError: no colour", *manager, "gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>"]
    kept = tail([("gunicorn", line) for line in lines])
    assert kept == ("ValueError: no colour", *lines[-19:])
    assert cause_line(kept) == "ValueError: no colour"


def test_the_lines_of_the_shutdown_are_not_shown_as_the_reason() -> None:
    gate = ("homeport-host", "homeport: giving up: /health answered 503 instead of 200 (after 5 s)")
    entries = [("fastapi", "no database"), gate, ("fastapi", "Shutting down")]

    assert tail(before_the_stop(entries)) == ("no database",)
    assert last_word(entries) == "/health answered 503 instead of 200 (after 5 s)"


def test_the_output_of_a_new_start_does_not_explain_the_end_before_it() -> None:
    first = [("systemd", "Starting notes@blue.service - notes..."), ("fastapi", "ValueError: no colour")]
    again = [("systemd", "notes@blue.service: Scheduled restart job, restart counter is at 1."), *first[:1]]
    entries = [*first, *again, ("fastapi", "Starting production server")]
    assert tail(before_the_start(entries)) == ("ValueError: no colour",)
    assert before_the_start(first) == []
    assert before_the_start(first[1:]) == first[1:]


def test_the_journals_json_is_read_with_bytes_and_rubbish_in_it() -> None:
    lines = [
        json.dumps({"SYSLOG_IDENTIFIER": "fastapi", "MESSAGE": "one\ntwo"}),
        "rubbish",
        json.dumps({"MESSAGE": [111, 107, 255]}),
        json.dumps({"MESSAGE": None}),
    ]

    assert parse("\n".join(lines)) == [("fastapi", "one"), ("fastapi", "two"), ("", "ok\N{REPLACEMENT CHARACTER}")]
