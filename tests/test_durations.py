"""What a run says of the time that its files took."""

from __future__ import annotations

import json

import pytest

from tests import durations, tiers

KEPT = {"tests/a.py": 100.0, "tests/b.py": 5.0}


@pytest.mark.parametrize(
    ("seconds", "slower", "named"), [(199, 1.0, False), (201, 1.0, True), (201, 2.0, False), (450, 2.0, True)]
)
def test_a_file_that_takes_twice_as_long_as_it_did_is_named(seconds: float, slower: float, *, named: bool) -> None:
    told = durations.lines({"tests/a.py": seconds}, KEPT, slower)
    assert any("takes" in line for line in told) == named


def test_what_is_short_or_new_is_not_compared() -> None:
    assert not any("takes" in line for line in durations.lines({"tests/b.py": 15, "tests/new.py": 900}, KEPT, 1.0))


def test_a_run_prints_its_longest_files_and_fails_by_none(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pytester.path / "durations.json"
    table.write_text(json.dumps({"test_slow.py": 0.001}))
    drawn = pytester.path / "drawn.json"
    drawn.write_text(json.dumps({"test_long.py": 300}))
    monkeypatch.setattr(durations, "TABLE", table)
    monkeypatch.setattr(tiers, "COSTS", drawn)
    monkeypatch.setattr(durations, "LEAST_SECONDS", 0.0)
    monkeypatch.setenv("HOMEPORT_DURATIONS", "keep")
    pytester.makeconftest("from tests.durations import pytest_terminal_summary")
    pytester.makepyfile(
        test_slow="""
        import threading

        def test_it(record_property):
            record_property("drawn", "test_slow.py")
            threading.Event().wait(1.1)
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    assert "test_slow.py takes" in result.stdout.str()
    assert "test_slow.py" in json.loads(table.read_text())
    assert json.loads(drawn.read_text()) == {"test_long.py": 300, "test_slow.py": 1}
