from __future__ import annotations

from typing import Any

import pytest

from homeport.cli.doctor import is_troubled, lines, show, wrapped


def finding(problem: str, **values: Any) -> dict[str, Any]:
    return {
        "id": "x",
        "problem": problem,
        "evidence": "seen",
        "fix": "mend it",
        "severity": "trouble",
        "level": "trouble",
        "because": None,
        **values,
    }


def host(*findings: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {"host": "web1", "app": "notes", "findings": list(findings), "checked": ["DNS"], "unchecked": {}, **values}


def test_a_cause_has_its_evidence_and_what_to_do_and_a_consequence_stands_below_it() -> None:
    one = host(finding("it is down"), finding("nobody reaches it", because="x"))
    assert list(lines(one)) == [
        ("trouble", "it is down (seen); to do: mend it"),
        ("follows", "nobody reaches it (seen)"),
    ]


@pytest.mark.parametrize("level", ["warning", "hint"])
def test_a_warning_and_a_hint_are_no_trouble(level: str) -> None:
    one = host(finding("deploys are held", severity="notice", level=level, evidence=""))
    assert not is_troubled(one)
    assert list(lines(one)) == [
        (level, "deploys are held; to do: mend it"),
        ("well", "no trouble found; checked: DNS"),
    ]


def test_parts_that_were_not_checked_are_named() -> None:
    assert ("unchecked", "memory (OSError: gone)") in list(lines(host(unchecked={"memory": "OSError: gone"})))


def test_a_host_that_could_not_be_looked_at_has_one_line() -> None:
    assert list(lines({"host": "web1", "error": "no"})) == [("error", "no")]


def test_a_program_reads_a_line_for_each_finding_without_colour(capsys: pytest.CaptureFixture[str]) -> None:
    show([host(finding("it is down " * 30))])
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("web1: trouble: it is down it is down")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_person_reads_lines_that_fit_with_no_word_broken_or_lost(width: int) -> None:
    text = "something is wrong (/a/path/that/is/long: 0 MB) " * 8
    rows = wrapped(text, width, 15).splitlines()
    assert len(rows[0]) + 15 <= width
    assert all(len(row) <= width and row.startswith("      ") for row in rows[1:])
    assert " ".join(row.strip() for row in rows) == text.strip()


def test_the_fix_has_a_line_of_its_own_on_a_terminal() -> None:
    assert wrapped("it is down; to do: mend it", 80, 10) == "it is down\n      to do: mend it"
    assert wrapped("it is down; to do: mend it", None, 10) == "it is down; to do: mend it"
