"""Which Python is asked for, refused and warned of: the system's is preferred."""

from __future__ import annotations

import pytest

from homeport.source import python_version


@pytest.mark.parametrize(("required", "version"), [
    ("", None), (">=3.9", None), (">=3.11,<4", None), ("not a specifier", None),
    (">=3.12", "3.13"), (">=3.12.4", "3.13"), ("<3.13", "3.11"), ("==3.12.*", "3.12"), (">=3.14", "3.14"),
    (">=4", None),
    ("==3.11.7", "3.11.7"), ("==3.11.*", "3.11"), ("==3.7.1,>3", None),
])  # fmt: skip
def test_what_is_suggested_is_a_debians_own_where_one_is_allowed(required: str, version: str | None) -> None:
    assert python_version.suggest(required) == version


@pytest.mark.parametrize(("text", "version"), [
    ("3.12\n", "3.12"), ("# ours\n3.12.4\n", "3.12.4"), ("cpython-3.13", "3.13"), ("pypy@3.10", None), ("", None),
])  # fmt: skip
def test_the_pinned_version_is_read(text: str, version: str | None) -> None:
    assert python_version.pinned_python(text) == version


def test_a_python_that_is_asked_for_has_to_be_allowed() -> None:
    assert python_version.refusal(">=3.12", "3.11") == "the application requires Python >=3.12"
    assert python_version.refusal(">=3.12.4", "3.12.1") == "the application requires Python >=3.12.4"
    assert python_version.refusal(">=3.12.4", "3.12") is None


def test_without_one_some_supported_system_has_to_have_it() -> None:
    wrong = "the application requires Python >=3.15, which no supported system has of its own"
    assert python_version.refusal(">=3.15", None) == wrong
    assert python_version.refusal(">=3.15", "3.15") is None
    assert python_version.refusal(">=3.13", None) is None


def test_a_debian_whose_own_does_not_do_is_named_with_what_does() -> None:
    [line] = python_version.warnings(">=3.12", None, None)
    assert line == 'the application requires Python >=3.12; Debian 12 has 3.11: set python_version = "3.13"'
    assert python_version.warnings(">=3.12", None, "3.13") == ()


def test_a_pinned_version_that_no_debian_has_is_named() -> None:
    [line] = python_version.warnings(">=3.11", "3.14", None)
    assert line.startswith(".python-version says 3.14, and the system's Python is used")
    assert python_version.warnings(">=3.11", "3.13", None) == ()
