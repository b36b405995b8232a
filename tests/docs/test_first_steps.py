"""The README and the page for beginners, followed on a bare machine as a newcomer would, word by word."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from homeport.lab import Lab
from tests.docs.pages import entries
from tests.docs.world import World
from tests.lab.project import REPOSITORY
from tests.lab.seasoned import Seasoned

PAGES = {"README.md": REPOSITORY / "README.md", "getting-started.md": REPOSITORY / "docs" / "getting-started.md"}


def lab_authority(world: World) -> None:
    """Have the certificate come from the lab's authority, where the page's reader would ask Let's Encrypt."""
    address = world.lab.directory.load().acme_directory
    with (world.app.app / "deploy" / "group_data" / "production.py").open("a") as file:
        file.write(f"\nacme_directory_url = {json.dumps(address)}\n")


EVENTS: dict[str, Callable[[World], None]] = {
    # It is there from the start: what the reader brings along.
    "there is an application": lambda world: None,
    "the authority is one that tests may ask": lab_authority,
}


@pytest.fixture(params=[pytest.param("README.md", marks=pytest.mark.sampled), "getting-started.md"])
def page(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned, page: str) -> Iterator[World]:
    world = World.create(lab, seasoned, tmp_path_factory.mktemp("newcomer"), f"newcomer{list(PAGES).index(page)}")
    world.start = "."
    yield world
    lab.remove(world.host.name)


@pytest.mark.lab
def test_a_page_for_beginners_leads_to_a_site_over_https(world: World, page: str) -> None:
    run = 0
    for entry in entries(PAGES[page]):
        for block in entry.blocks:
            if block.not_run:
                continue
            if block.meanwhile:
                EVENTS[block.meanwhile](world)
            world.shell.run(block, page)
            run += 1
    assert run >= 2
    assert world.answers()


def test_a_block_that_is_not_run_says_why() -> None:
    reasons = {page: [b.not_run for e in entries(path) for b in e.blocks if b.not_run] for page, path in PAGES.items()}
    assert {page: len(found) for page, found in reasons.items()} == {"README.md": 2, "getting-started.md": 1}
