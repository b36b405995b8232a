"""No promise of docs/choosing.md without a test: each that is named is there, and runs somewhere."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.promise_page import PAGE, REPOSITORY, cells, generated, named_tests, path_of, reasons, whole
from tests.promises import PROMISES, TABLES, Kept, NotKept, Untested


def skips(node: ast.expr) -> bool:
    """Tell whether a mark leaves a test out everywhere, or lets it fail; `skipif` and `sampled` do so somewhere."""
    return any(isinstance(part, ast.Attribute) and part.attr in ("skip", "xfail") for part in ast.walk(node))


def fault(text: str, function: str, parameters: str = "") -> str:
    """Return why a test proves nothing: it is not in this text of a file, or skipped; "" if it does."""
    tree = ast.parse(text)
    found = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == function]
    if not found:
        return "there is no such test"
    marks = [
        one.value for one in tree.body if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "pytestmark"
    ]
    if any(map(skips, [*marks, *found[0].decorator_list])):
        return "it is skipped everywhere, or may fail"
    if not any(isinstance(part, ast.Assert) or is_assertion(part) for part in ast.walk(found[0])):
        return "it asserts nothing"
    constants = {part.value for part in ast.walk(tree) if isinstance(part, ast.Constant)}
    return "" if not parameters or parameters in constants else f"the file has no parameter {parameters}"


def is_assertion(part: ast.AST) -> bool:
    """Tell whether a call is of a function that asserts, by its name."""
    return isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id.startswith("assert_")


@pytest.mark.parametrize("test", named_tests())
def test_a_test_that_the_tables_name_is_there_and_runs(test: str) -> None:
    file, function, parameters = path_of(test)
    assert fault((REPOSITORY / file).read_text(), function, parameters) == ""


SAMPLE = """
def test_a():
    assert True

@pytest.mark.skip
def test_b():
    assert True

def test_c():
    pass
"""


@pytest.mark.parametrize(
    ("test", "parameters", "why"),
    [
        ("test_a", "", ""),
        ("test_a", "gone", "the file has no parameter gone"),
        ("test_b", "", "it is skipped everywhere, or may fail"),
        ("test_c", "", "it asserts nothing"),
        ("test_d", "", "there is no such test"),
    ],
)
def test_a_test_that_proves_nothing_is_found(test: str, parameters: str, why: str) -> None:
    assert fault(SAMPLE, test, parameters) == why
    assert fault(f"pytestmark = pytest.mark.skip\n{SAMPLE}", "test_a") == "it is skipped everywhere, or may fail"


def test_each_promise_has_a_cell_in_each_column() -> None:
    for columns in TABLES.values():
        assert {name: set(column) for name, column in columns.items()} == {name: set(PROMISES) for name in columns}


def test_each_cell_has_its_tests_its_figure_or_its_reason() -> None:
    for cell in cells():
        match cell:
            case Kept(tests=tests):
                assert tests
            case NotKept(figure=text) | Untested(reason=text):
                assert text


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert generated() in page
    assert whole(page) == page, "run `make reference`"


def test_each_reason_has_a_letter() -> None:
    assert len(reasons()) <= 26


def test_the_page_names_every_engine_that_is_exported_to() -> None:
    from homeport.exports.engines import ENGINES

    text = Path(PAGE).read_text().lower()
    assert [engine for engine in ENGINES if engine not in text] == []
