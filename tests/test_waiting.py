"""The tests wait for states, not for times: no `sleep`, and no bound that is too short for a slow machine."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests import pace
from tests.test_repository import REPOSITORY, tracked

# The one that may: what all others wait with.
HELPER = REPOSITORY / "tests" / "pace.py"
# Where a time is what is looked at, the line says so, and why.
SUBJECT = "# time is the subject:"
# A bound of this length is there so that nothing hangs for ever, and no test that is right comes near it.
GUARD_SECONDS = 60
WAITS = {"wait", "join", "communicate"}


def offences(text: str) -> list[int]:
    """Return the numbers of the lines that wait for a time, or with a bound that a slow machine meets."""
    lines = text.splitlines()
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.expr | ast.keyword)]
    found = {node.lineno for node in nodes if _is_sleep(node) or _is_short(node)}
    return sorted(number for number in found if SUBJECT not in lines[number - 1])


def _is_sleep(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="time" | "asyncio"), attr="sleep")):
            return True
    return False


def _is_short(node: ast.AST) -> bool:
    match node:
        case ast.BinOp(left=ast.Call(func=ast.Attribute(attr="monotonic")), op=ast.Add(), right=bound):
            return _seconds(bound) is not None
        case ast.Call(func=ast.Attribute(attr=name), args=[bound]) if name in WAITS:
            # An event's wait of less than a second is a rhythm.
            return 1 <= (_seconds(bound) or GUARD_SECONDS) < GUARD_SECONDS
        case ast.keyword(arg="timeout", value=bound):
            return (_seconds(bound) or GUARD_SECONDS) < GUARD_SECONDS
    return False


def _seconds(node: ast.expr) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("time.sleep(1)", True),
        ("asyncio.sleep(pause)", True),
        ("process.wait(20)", True),
        ("process.wait(timeout=30)", True),
        ("end = time.monotonic() + 10", True),
        ("process.wait(patience(20))", False),
        ("subprocess.run(words, timeout=300)", False),
        ("until(ready, 5)", False),
        ('APP = "time.sleep(5)"', False),
        ('", ".join(words)', False),
        (f"time.sleep(1)  {SUBJECT} it has to be quiet for so long", False),
    ],
)
def test_a_wait_for_a_time_is_told_from_one_for_a_state(text: str, *, wrong: bool) -> None:
    assert bool(offences(text)) == wrong


def test_no_test_waits_for_a_time() -> None:
    """Use `until` or `patience` of tests/pace.py."""
    places = {path: offences(path.read_text()) for path in tracked("tests/*.py") if path != HELPER}
    assert [f"{path.relative_to(REPOSITORY)}:{line}" for path, lines in places.items() for line in lines] == []


def test_a_slow_machine_has_more_patience_and_a_fast_one_not_less(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pace.pace() >= 1
    monkeypatch.setattr(pace, "pace", lambda: 3.0)
    assert pace.patience(10) == 30


def test_waiting_ends_with_the_state_or_with_the_bound() -> None:
    looks: Iterator[bool] = iter([False, False, True])
    assert pace.until(lambda: next(looks), 60, every=0.001)
    assert not pace.until(lambda: False, 0.01, every=0.001)
