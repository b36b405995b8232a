"""Where an application can be mounted, by what others on the machine have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from homeport.preflight.preflight import preflight
from homeport.state.snapshot import Claim
from tests.settings.test_mounts import mounted
from tests.state.builders import NOW, as_wanted, make_settings, make_source, make_wanted

OWNER = Claim("notes", ("notes.example.com", "other.example.com"), (9001, 9002))
BELOW = Claim("wiki", ("notes.example.com",), (9003, 9004), "notes", "/wiki")
SHOP = Claim("shop", ("notes.example.com",), (8001, 8002), "notes", "/shop")


def problems(*claims: Claim, **data: Any) -> list[str]:
    settings = mounted(**data)
    wanted = make_wanted(settings)
    assert wanted.certificate is None
    found = replace(as_wanted(wanted), claims=claims)
    return [problem.line() for problem in preflight(settings, make_source(), wanted, found, NOW)]


@pytest.mark.parametrize("others", [(OWNER,), (OWNER, BELOW), (BELOW, OWNER, SHOP)])
def test_an_application_is_mounted_on_one_that_is_there(others: tuple[Claim, ...]) -> None:
    assert problems(*others) == []


@pytest.mark.parametrize(
    ("others", "data", "line"),
    [
        ((), {}, "mounted_on: notes is not on this host; deploy the name's owner first"),
        ((replace(OWNER, mounted_on="blog"),), {}, "mounted_on: notes is mounted on blog itself; deploy the name's"),
        ((OWNER,), {"domain": "x.example.com"}, "domain: notes does not have the name x.example.com; set it to notes."),
        ((OWNER, BELOW), {"mount_path": "/wiki"}, "mount_path: wiki is mounted on notes at /wiki; choose a path that"),
        ((OWNER, BELOW), {"mount_path": "/wiki/shop"}, "mount_path: wiki is mounted on notes at /wiki; choose"),
        ((OWNER, replace(BELOW, mount_path="/shop/a")), {}, "mount_path: wiki is mounted on notes at /shop/a; choose"),
        (
            (OWNER, replace(SHOP, mounted_on="", mount_path="")),
            {},
            "mounted_on: shop has a name of its own on this host, and a deploy does not change that; homeport remove",
        ),
    ],
)
def test_where_an_application_cannot_be_mounted_is_said_in_one_line(
    others: tuple[Claim, ...], data: dict[str, Any], line: str
) -> None:
    [said] = problems(*others, **data)
    assert said.startswith(line)


def test_a_mounted_application_gets_no_name_of_its_own_by_a_deploy() -> None:
    settings = make_settings()
    found = replace(as_wanted(make_wanted(settings)), claims=(replace(OWNER, mounted_on="blog", ports=(8001, 8002)),))
    said = [one.line() for one in preflight(settings, make_source(), make_wanted(settings), found, NOW)]
    assert [line.partition(",")[0] for line in said] == ["mounted_on: notes is mounted on blog on this host"]


def test_the_owner_is_deployed_beside_what_is_mounted_on_it() -> None:
    settings = make_settings()
    own = replace(OWNER, ports=(8001, 8002), domains=settings.domains)
    found = replace(as_wanted(make_wanted(settings)), claims=(own, BELOW))
    assert preflight(settings, make_source(), make_wanted(settings), found, NOW) == ()
