"""The documentation's site builds without a network, its links lead somewhere, and it asks nobody for anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.capabilities import own_network
from tests.lab.project import REPOSITORY


def build(folder: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [*own_network(), sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = build(REPOSITORY, target)
    assert done.returncode == 0, done.stderr
    return target


def test_every_page_is_on_the_site(site: Path) -> None:
    pages = {path.stem for path in (REPOSITORY / "docs").glob("*.md")}
    assert pages == {path.stem for path in site.glob("*.html")} - {"404"}


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = re.compile(
        r"<(?:script|img|iframe|source)[^>]*\ssrc=[\"']?(?:https?:)?//[^\"'> ]+|<link[^>]*\shref=[\"']?//?[^>]*>"
    )
    for page in site.glob("*.html"):
        foreign = [one for one in loaded.findall(page.read_text()) if "//" in one and "canonical" not in one]
        assert foreign == [], page.name


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    shutil.copy(REPOSITORY / "mkdocs.yml", tmp_path)
    index = tmp_path / "docs" / "index.md"
    for link in ("[x](no-such-page.md)", "[x](runbook.md#no-such-entry)"):
        index.write_text(f"# homeport\n\n{link}\n")
        assert build(tmp_path, tmp_path / "out").returncode != 0, link
