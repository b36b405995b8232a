from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from homeport.rules.preflight import preflight
from homeport.settings import Settings
from homeport.state.snapshot import Claim, Machine, PathFound, PortHolder, Snapshot, UnitFound
from tests.state.builders import NOW, as_wanted, bare, make_settings, make_wanted

SETTINGS = make_settings()
FOREIGN_UNITS = {"notes@blue.service": UnitFound("loaded", "inactive", "disabled", needs_reload=False)}


def problems(found: Snapshot, settings: Settings = SETTINGS) -> list[str]:
    found_problems = preflight(settings, found, NOW)
    assert all(problem.fix for problem in found_problems)
    return [problem.line() for problem in found_problems]


def test_a_bare_machine_is_good_enough() -> None:
    assert problems(bare()) == []


def test_a_provisioned_machine_is_good_enough() -> None:
    held = (
        PortHolder(80, "nginx", "nginx.service"),
        PortHolder(443, "nginx", "nginx.service"),
        PortHolder(8001, "fastapi", "notes@blue.service"),
        PortHolder(8002, "fastapi", "notes@green.service"),
    )
    own = Claim("notes", ("notes.example.com",), (8001, 8002))
    assert problems(replace(as_wanted(make_wanted()), ports=held, claims=(own,))) == []


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"has_systemd": False}, "os: systemd does not run here; use a supported one"),
    (
        {"machine": Machine("debian", "11")},
        "os: debian 11 is not supported (supported: Debian 12, Debian 13, Ubuntu 24.04, Ubuntu 26.04); "
        "use a supported one",
    ),
    (
        {"machine": Machine(architecture="i386")},
        "os: the architecture i386 is not supported (supported: amd64, arm64); use a supported one",
    ),
    (
        {"free_megabytes": 1023},
        "disk: 1023 MB are free, 1024 MB are needed; free some space, or lower minimum_free_megabytes",
    ),
    (
        {"free_inodes_percent": 2},
        "disk: 2 % of the inodes are free, 3 % are needed; free some space, or lower minimum_free_megabytes",
    ),
    (
        {"clock": NOW + timedelta(seconds=301)},
        "clock: its clock is 301 s ahead; turn time synchronisation on (timedatectl set-ntp true)",
    ),
    (
        {"clock": NOW - timedelta(days=1)},
        "clock: its clock is 86400 s behind; turn time synchronisation on (timedatectl set-ntp true)",
    ),
    (
        {"accounts": {"notes": "notes:x:1000:1000:,,,:/home/notes:/bin/bash"}},
        "app_name: the host has a user notes that is not the application's (home /home/notes); choose another name",
    ),
    (
        {"accounts": {"notes": "damaged"}},
        "app_name: the host has a user notes that is not the application's (home ); choose another name",
    ),
    (
        {"units": FOREIGN_UNITS},
        "app_name: the host has units notes@.service that are not the application's; choose another name",
    ),
    (
        {"ports": (PortHolder(80, "apache2", "apache2.service"),)},
        "ports: port 80 is held by apache2 (apache2.service); stop it, or set port_blue and port_green to free ports",
    ),
    (
        {"ports": (PortHolder(443, "", ""),)},
        "ports: port 443 is held by an unknown process; stop it, or set port_blue and port_green to free ports",
    ),
    (
        {"ports": (PortHolder(8001, "python3", "other@blue.service"),)},
        "ports: port 8001 is held by python3 (other@blue.service); "
        "stop it, or set port_blue and port_green to free ports",
    ),
    (
        {"ports": (PortHolder(8002, "nginx", "nginx.service"),)},
        "ports: port 8002 is held by nginx (nginx.service); stop it, or set port_blue and port_green to free ports",
    ),
    (
        {"ports": (PortHolder(8001, "x", "notes@blueish.service"),)},
        "ports: port 8001 is held by x (notes@blueish.service); stop it, or set port_blue and port_green to free ports",
    ),
    (
        {"claims": (Claim("blog", ("www.example.com", "x.example.com"), (9001, 9002)),)},
        "domain: the application blog on this host has the name www.example.com; "
        "give each application names and ports of its own",
    ),
    (
        {"paths": {"/var/lib/notes": PathFound("directory", 0o755, "git", "git")}},
        "app_name: /var/lib/notes is there and belongs to git, who is not the application; choose another name",
    ),
    (
        {"claims": (Claim("blog", ("x.example.com",), (9001, 8002)),)},
        "domain: the application blog on this host has the port 8002; give each application names and ports of its own",
    ),
]


@pytest.mark.parametrize(("changed", "line"), REFUSALS)
def test_a_machine_that_will_not_do_is_refused_in_one_line(changed: dict[str, Any], line: str) -> None:
    assert problems(replace(bare(), **changed)) == [line]


@pytest.mark.parametrize(
    "changed",
    [
        {"free_megabytes": 1024},
        {"free_inodes_percent": 3},
        {"clock": NOW + timedelta(seconds=300)},
        {"clock": NOW - timedelta(seconds=300)},
        {"accounts": {"notes": "notes:x:999:999:homeport application:/var/lib/notes:/usr/sbin/nologin"}},
        {"units": FOREIGN_UNITS, "releases": frozenset({"a"})},
        {"units": {"notes@blue.service": UnitFound("not-found", "inactive", "", needs_reload=False)}},
        {"claims": (Claim("blog", ("blog.example.com",), (9001, 9002)), Claim("", (), ()))},
    ],
)
def test_a_machine_that_will_just_do_is_taken(changed: dict[str, Any]) -> None:
    assert problems(replace(bare(), **changed)) == []


def test_workers_that_do_not_fit_into_memory_are_refused() -> None:
    settings = make_settings(workers=6, worker_memory_megabytes=200)
    assert problems(bare(Machine(memory_megabytes=1199)), settings) == [
        "workers: 6 workers of 200 MB need 1200 MB, the machine has 1199 MB; "
        "lower `workers` or give the machine more memory"
    ]
    assert problems(bare(Machine(memory_megabytes=1200)), settings) == []


def test_workers_that_are_sized_to_the_machine_always_fit() -> None:
    assert problems(bare(Machine(memory_megabytes=128))) == []


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = replace(bare(Machine("debian", "11")), free_megabytes=0, clock=NOW + timedelta(days=1))
    assert [line.partition(":")[0] for line in problems(found)] == ["os", "disk", "clock"]
