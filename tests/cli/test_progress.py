"""What a run tells, and what a person is shown of it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from homeport.cli import change_run, plan_view
from homeport.cli.progress import Progress, duration, in_view
from homeport.cli.pyinfra_run import parse
from homeport.cli.summary import lines as summary_lines
from homeport.controller.events import MARK
from homeport.controller.folders import PACKAGE

NOW = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
RUN = {
    "event": "run",
    "host": "web1",
    "action": "deploy",
    "app": "hello",
    "release": "2222",
    "ref": "main",
    "commit": "0123456789abcdef",
    "live": "1111",
    "url": "https://hello.example.com/",
}


def step(name: str, state: str, host: str = "web1") -> dict[str, Any]:
    return {"event": "step", "host": host, "step": name, "state": state}


def change(what: str, *, planned: bool = False, action: str = "write", reason: str = "") -> dict[str, Any]:
    fields = {"action": action, "what": what, "reason": reason}
    return {"event": "change", "host": "web1", "planned": planned, **fields}


def after(*events: dict[str, Any]) -> tuple[Progress, list[str]]:
    """Return the state after events that came a second apart, and what was said."""
    progress, said = Progress(), []
    for moment, event in enumerate(events):
        said += [one.text for one in progress.take(event, float(moment))]
    return progress, said


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (f'{MARK}{{"event": "prepared"}}\n', {"event": "prepared"}),
        ("[web1] hello: waiting [x]\n", {"event": "word", "host": "web1", "text": "hello: waiting [x]"}),
        ("[web1]    padded\n", {"event": "word", "host": "web1", "text": "padded"}),
        ("\x1b[1m[web1]\x1b[0m error: packages: x\n", {"event": "word", "host": "web1", "text": "error: packages: x"}),
        (
            "    [web1]   waiting up to 5 s: held\n",
            {"event": "word", "host": "web1", "text": "waiting up to 5 s: held"},
        ),
        ("    [web1] No changes\n", {"event": "chatter", "line": "    [web1] No changes"}),
        ("error: web1: domain: field required\n", {"event": "problem", "line": "web1: domain: field required"}),
        ("--> Results:\n", {"event": "chatter", "line": "--> Results:"}),
    ],
)
def test_a_line_of_a_run_is_told_apart(line: str, event: dict[str, Any]) -> None:
    assert parse(line) == event


def test_a_step_is_shown_with_its_changes_its_words_and_its_time() -> None:
    _, said = after(
        RUN,
        step("Packages", "started"),
        step("Packages", "done"),
        step("Files", "started"),
        change("/etc/a", reason="missing"),
        {"event": "word", "host": "web1", "text": "hello"},
        step("Files", "done"),
    )
    assert said == [
        "hello 1111 -> 2222 (main at 0123456789ab)",
        "Files: write /etc/a (missing)",
        "hello",
        "Files done in 3 s",
    ]


def test_many_changes_are_shown_as_the_first_ones_and_a_count() -> None:
    _, said = after(step("Files", "started"), *(change(f"/etc/{n}") for n in range(9)), step("Files", "done"))
    assert said[:-1] == [f"Files: write /etc/{n}" for n in range(4)]
    assert said[-1] == "Files done in 10 s, with 5 more changes"


def test_an_error_is_shown_once_and_a_failed_step_has_one() -> None:
    progress, said = after(
        step("Start", "started"),
        {"event": "word", "host": "web1", "text": "error: hello: it died"},
        {"event": "error", "host": "web1", "line": "web1: hello: it died"},
        step("Start", "failed"),
    )
    assert said == ["hello: it died"]
    assert progress.errors == ["web1: hello: it died"]
    silent, _ = after(
        step("Start", "started"), {"event": "word", "host": "web1", "text": "oh"}, step("Start", "failed")
    )
    assert silent.errors == ["web1: Start failed; the host's last line is: oh"]


def test_the_summary_says_what_went_where_how_long_and_by_whom() -> None:
    progress, _ = after(RUN, step("Files", "started"), change("/etc/a"), step("Files", "done"))
    assert list(summary_lines(progress, 0, 71.2, done="deployed", by="carol@desk", now=NOW)) == [
        "deployed in 1 min 11 s by carol@desk, 2026-11-22 11:00 UTC",
        "  web1  hello 1111 -> 2222 (main at 0123456789ab)",
        "        Files 2 s",
        "        https://hello.example.com/",
    ]


def test_the_summary_of_a_failure_has_its_cause_and_promises_no_address() -> None:
    progress, _ = after(
        RUN,
        step("Start", "started"),
        change("x"),
        {"event": "error", "host": "web1", "line": "web1: it died"},
        step("Start", "failed"),
    )
    lines = list(summary_lines(progress, 1, 9, done="deployed", by="c@d", now=NOW))
    assert lines[0].startswith("not deployed in 9 s")
    assert lines[2:] == ["        Start failed after 3 s", "        error: it died"]


def test_a_run_that_changed_nothing_says_so() -> None:
    progress, _ = after({**RUN, "live": "2222"}, step("Files", "started"), step("Files", "done"))
    first, second, _ = summary_lines(progress, 0, 2, done="deployed", by="c@d", now=NOW)
    assert first.startswith("nothing to change")
    assert second == "  web1  hello 2222 (main at 0123456789ab), which is live"


def test_a_run_without_a_release_is_summed_up_by_its_changes() -> None:
    run = {"event": "run", "host": "web1", "action": "hold", "app": "hello"}
    made = {"event": "change", "host": "web1", "action": "hold", "what": "deploys", "reason": "wait", "planned": False}
    progress, _ = after(run, step("Lock", "started"), made, step("Lock", "done"))
    first, second, _ = summary_lines(progress, 0, 1, done="locked", by="c@d", now=NOW)
    assert first == "locked in 1 s by c@d, 2026-11-22 11:00 UTC"
    assert second == "  web1  hold deploys (wait)"
    assert next(iter(summary_lines(progress, 4, 1, done="locked", by="c@d", now=NOW))).startswith(
        "not locked, held by somebody else, in 1 s"
    )


def test_many_hosts_are_shown_as_the_urgent_ones_and_a_count() -> None:
    states = [{"event": "host", "host": f"web{number}", "state": "connected"} for number in range(50)]
    hosts = after(*states, step("Start", "started", "web40"))[0].hosts
    hosts["web45"].errors.append("no space")
    hosts["web45"].state = "failed"
    everyone = list(hosts.values())

    shown, others = in_view(everyone, 4)
    assert [host.name for host in shown] == ["web0", "web40", "web45"]
    assert others == "and 47 more: 47 connected"

    assert [host.name for host in in_view(everyone, 2)[0]] == ["web45"]
    assert in_view(everyone, 50) == (everyone, "")


def planned() -> Progress:
    unit = "/etc/homeport/hello/releases/2222/app.service"
    progress, _ = after(
        RUN,
        step("Files", "planned"),
        change("/etc/old", planned=True, reason="content differs"),
        {"event": "diff", "host": "web1", "path": "/etc/old", "lines": ["-a", "+b"]},
        change("/etc/new", planned=True, reason="missing"),
        {"event": "diff", "host": "web1", "path": "/etc/new", "lines": ["+all of it"]},
        step("Release", "planned"),
        change("release 2222", planned=True, action="upload"),
        {"event": "diff", "host": "web1", "path": unit, "lines": ["-2", "+4"]},
        {"event": "error", "host": "web2", "line": "web2: no connection: refused"},
    )
    return progress


def test_a_plan_shows_each_change_with_its_diff_but_not_all_of_a_new_file() -> None:
    assert list(plan_view.table(planned(), diffs=True)) == [
        "web1: hello 1111 -> 2222 (main at 0123456789ab)",
        "  Files",
        "    write /etc/old (content differs)",
        "      -a",
        "      +b",
        "    write /etc/new (missing)",
        "  Release",
        "    upload release 2222",
        "      -2",
        "      +4",
    ]
    assert plan_view.total(planned()) == "3 changes on 1 of 2 hosts"


def test_a_plan_shows_what_the_machine_has_from_other_applications() -> None:
    machine = {"kind": "machine", "what": "firewall = False", "reason": "set by blog"}
    removal = {"kind": "kept", "what": "data", "reason": "--data removes it"}
    progress, _ = after(RUN, *({"event": "note", "host": "web1", **note} for note in (removal, machine)))
    assert list(plan_view.table(progress, diffs=True))[1:] == [
        "  no changes",
        "  the machine has firewall = False (set by blog)",
    ]
    assert plan_view.total(progress) == "no changes"


def test_a_plan_as_json_is_what_its_schema_says() -> None:
    document = [plan_view.document(host) for host in planned().in_order]
    schema = json.loads((PACKAGE / "cli" / "schemas" / "plan.json").read_text())
    jsonschema.validate(document, schema)
    assert [one["diff"] for one in document[0]["changes"]] == ["-a\n+b\n", "+all of it\n", "-2\n+4\n"]
    assert document[1] == {"host": "web2", "error": "no connection: refused"}


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3601, "60 min 1 s")])
def test_a_length_of_time_is_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("as_json", [False, True])
def test_a_plan_shows_each_warning_once_and_json_stays_json(
    capfd: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    said = "    [web1]   warning: old.conf has the name x\n    [web1]   other words\n"
    text = f"{MARK}{json.dumps(RUN)}\n{said}{said}"
    with pytest.raises(SystemExit) as ended:
        change_run.plan(
            [sys.executable, "-c", f"print({text!r})"],
            lambda progress: plan_view.table(progress, diffs=False),
            plan_view.document,
            as_json=as_json,
        )
    output, errors = capfd.readouterr()
    assert ended.value.code == 0
    assert errors == ("" if as_json else "warning: web1: old.conf has the name x\n")
    if as_json:
        assert json.loads(output)[0]["changes"] == []
    else:
        assert output.splitlines()[-1] == "no changes"
