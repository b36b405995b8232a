"""Compiled templates between runs: kept where that can be done, and never a reason to fail."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.rendering.compiled import compiled_templates
from homeport.rendering.rendering import environment, render


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache"
    forget()


def forget() -> None:
    compiled_templates.cache_clear()
    environment.cache_clear()


@pytest.fixture
def overrides(tmp_path: Path) -> Path:
    (tmp_path / "overrides").mkdir()
    (tmp_path / "overrides" / "a.conf").write_text("{{ 1 + 1 }} names")
    return tmp_path / "overrides"


def rendered(overrides: Path) -> str:
    """Render as the next run does."""
    forget()
    return render("a.conf", overrides)


def kept(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def test_a_compiled_template_is_kept_for_the_next_run_of_the_same_user(cache: Path, overrides: Path) -> None:
    assert rendered(overrides) == "2 names"
    (one,) = kept(cache)
    assert stat.S_IMODE(one.parent.stat().st_mode) == 0o700
    written = one.stat().st_mtime_ns

    assert rendered(overrides) == "2 names"
    assert one.stat().st_mtime_ns == written


def test_a_template_that_was_changed_is_compiled_anew(cache: Path, overrides: Path) -> None:
    assert rendered(overrides) == "2 names"
    (overrides / "a.conf").write_text("{{ 1 + 2 }} names")
    assert rendered(overrides) == "3 names"
    assert kept(cache)


def test_a_damaged_entry_does_no_harm(cache: Path, overrides: Path) -> None:
    rendered(overrides)
    kept(cache)[0].write_bytes(b"damaged")
    assert rendered(overrides) == "2 names"


def test_a_cache_that_cannot_be_made_or_written_does_no_harm(cache: Path, overrides: Path) -> None:
    rendered(overrides)
    (one,) = kept(cache)
    one.unlink()
    one.parent.rmdir()
    one.parent.write_text("a file where the folder was")
    assert rendered(overrides) == "2 names"
    assert compiled_templates() is None

    one.parent.unlink()
    forget()
    assert compiled_templates() is not None
    one.parent.rmdir()
    environment.cache_clear()
    assert render("a.conf", overrides) == "2 names"
