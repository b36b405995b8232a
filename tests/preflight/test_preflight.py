from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from homeport.host.services.unit_state import UnitState
from homeport.preflight.preflight import preflight
from homeport.proxies.nginx import rival_sites
from homeport.settings import Settings
from homeport.source import Source
from homeport.state.paths import NGINX_WELCOME
from homeport.state.snapshot import (
    Claim,
    FileOrigins,
    Hindrance,
    MachineFound,
    PathFound,
    PortHolder,
    ServerFound,
    Snapshot,
)
from tests.nginx_sites import BY_DNS
from tests.state.builders import NOW, as_wanted, bare, make_settings, make_source, make_wanted

SETTINGS = make_settings()
FOREIGN_UNITS = {"notes@blue.service": UnitState("loaded", "inactive", "disabled", needs_reload=False)}

FOLDER = PathFound("directory", 0o755, "root", "root")
OURS = {"notes": "notes:x:999:999:homeport application:/var/lib/notes:/usr/sbin/nologin"}


def problems(found: Snapshot, settings: Settings = SETTINGS, source: Source | None = None) -> list[str]:
    found_problems = preflight(settings, source or make_source(), make_wanted(settings), found, NOW)
    assert all(problem.fix for problem in found_problems)
    return [problem.line() for problem in found_problems]


def test_a_bare_machine_is_good_enough() -> None:
    assert problems(bare()) == []


def test_a_python_that_the_lock_does_not_allow_is_named_before_anything_changes() -> None:
    source = make_source()
    source = replace(source, dependencies=replace(source.dependencies, requires_python=">=3.12"))
    assert problems(replace(bare(), python="3.11"), source=source) == [
        'python_version: the application requires Python >=3.12, and the host has 3.11; set python_version = "3.13"'
    ]
    assert problems(replace(bare(), python="3.13"), source=source) == []
    # Not there yet: it comes with the packages.
    assert problems(bare(), source=source) == []
    assert problems(replace(bare(), python="3.11"), make_settings(python_version="3.12"), source) == []


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
    (
        {"foreign_lineage": True},
        "app_name: Certbot has a certificate notes on this host that is not homeport's, and would be overwritten; "
        "choose another name, or delete it when nothing uses it (certbot delete --cert-name NAME, on the host)",
    ),
    ({"has_systemd": False}, "os: systemd does not run here; use a supported one"),
    (
        {"machine": MachineFound("debian", "11")},
        "os: debian 11 is not supported (supported: Debian 12, Debian 13, Ubuntu 24.04, Ubuntu 26.04); "
        "use a supported one",
    ),
    (
        {"machine": MachineFound(architecture="i386")},
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
        "app_name: the host has a user notes that does not belong to the application (home /home/notes); choose "
        "another name",
    ),
    (
        {"accounts": {"notes": "damaged"}},
        "app_name: the host has a user notes that does not belong to the application (home ); choose another name",
    ),
    (
        {"units": FOREIGN_UNITS},
        "app_name: the host has units notes@.service that do not belong to the application; choose another name",
    ),
    (
        {"ports": (PortHolder(80, "apache2", "apache2.service"),)},
        "ports: port 80 is held by apache2 (apache2.service); "
        "stop it permanently (systemctl disable --now apache2.service)",
    ),
    (
        {"ports": (PortHolder(443, "", ""),)},
        "ports: port 443 is held by an unknown process; stop it permanently",
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
        "domain: the application blog on this host uses the name www.example.com already; "
        "give each application its own names and ports",
    ),
    (
        {"ports": (PortHolder(443, "nginx", "openresty.service"),)},
        "ports: port 443 is held by nginx (openresty.service), which is not the nginx.service that the site needs; "
        "stop it permanently (systemctl disable --now openresty.service)",
    ),
    (
        {"ports": (PortHolder(80, "nginx", ""),)},
        "ports: port 80 is held by nginx, which is not the nginx.service that the site needs; stop it permanently",
    ),
    (
        {"paths": {"/var/lib/notes": PathFound("directory", 0o755, "git", "git")}},
        "app_name: /var/lib/notes exists and belongs to git, not to the application; choose another name",
    ),
    (
        {"paths": {"/var/lib/notes": FOLDER}, "occupied": frozenset({"/var/lib/notes"})},
        "app_name: /var/lib/notes exists and is not empty, and the host has no user notes; choose another name",
    ),
    (
        {"paths": {"/srv/notes": FOLDER}, "occupied": frozenset({"/srv/notes"})},
        "app_name: /srv/notes exists already, and its content is not homeport's; choose another name",
    ),
    (
        {"claims": (Claim("notes", ("shop.example.org", "www.shop.example.org"), (8001, 8002)),)},
        "app_name: this host serves another site as notes: shop.example.org, www.shop.example.org; "
        'choose another name, or, if the site gives up its old name, set former_domain = "shop.example.org"',
    ),
    (
        {"paths": {"/var/www": PathFound("directory", 0o750, "root", "deploy")}},
        "host: /var/www (mode 0750, of root:deploy) is closed to Nginx, which answers the certificate authority from "
        "there; chmod o+x /var/www",
    ),
    (
        {"claims": (Claim("blog", ("x.example.com",), (9001, 8002)),)},
        "domain: the application blog on this host uses the port 8002 already; give each application its own names "
        "and ports",
    ),
]


def test_names_below_a_star_may_be_other_applications_and_the_star_may_not() -> None:
    settings = make_settings(domain="example.com", domain_aliases=(), served_domains="*.example.com", **BY_DNS)
    for name, refused in {"a.example.com": False, "*.a.example.com": False, "*.example.com": True}.items():
        found = replace(bare(), claims=(Claim("blog", (name,), (9001, 9002)),))
        said = [one.line() for one in preflight(settings, make_source(), make_wanted(settings), found, NOW)]
        assert [f"the application blog on this host uses the name {name} already" in line for line in said] == (
            [True] if refused else []
        )


def test_a_site_that_is_somebody_elses_is_named_by_a_name_that_a_domain_can_have() -> None:
    found = replace(bare(), claims=(Claim("notes", ("*.example.org", "a.example.org"), (8001, 8002)),))
    assert 'set former_domain = "a.example.org"' in problems(found)[0]


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
        {"accounts": OURS},
        {"units": FOREIGN_UNITS, "releases": frozenset({"a"})},
        {"units": {"notes@blue.service": UnitState("not-found", "inactive", "", needs_reload=False)}},
        {"claims": (Claim("blog", ("blog.example.com",), (9001, 9002)), Claim("", (), ()))},
        # An empty disk, or two.
        {"paths": {"/var/lib/notes": FOLDER, "/srv/notes": FOLDER}},
        {"paths": {"/var/lib/notes": replace(FOLDER, kind="link", leads_to="directory")}},
        # A first deploy that was cut, and one that the last version made.
        {"occupied": frozenset({"/srv/notes", "/var/lib/notes"}), "accounts": OURS, "releases": frozenset({"a"})},
        {"occupied": frozenset({"/srv/notes"}), "accounts": OURS, "paths": {"/etc/homeport/notes": FOLDER}},
        # A name that comes or goes by way of the aliases.
        {"claims": (Claim("notes", ("old.example.com", "www.example.com"), (8001, 8002)),)},
        {"paths": {"/var/www": PathFound("directory", 0o2775, "www-data", "deploy")}},
        {"paths": {"/var/www": PathFound("directory", 0o750, "root", "www-data")}},
    ],
)
def test_a_machine_that_will_just_do_is_taken(changed: dict[str, Any]) -> None:
    assert problems(replace(bare(), **changed)) == []


FIXED: dict[str, Hindrance] = {"/etc/homeport/notes/site.json": "mount", "/etc/homeport/notes": "attribute"}


def test_an_irreplaceable_file_is_named_only_if_a_deploy_would_replace_it() -> None:
    wanted = as_wanted(make_wanted())
    claim, slot = "/etc/homeport/notes/site.json", "/etc/homeport/notes/blue.env"
    assert problems(replace(wanted, fixed=FIXED)) == []
    paths = {**wanted.paths, **{path: replace(wanted.paths[path], digest="0") for path in (claim, slot)}}
    assert problems(replace(wanted, fixed=FIXED, paths=paths)) == [
        f"host: {claim} is a mount point, and homeport cannot write a file over it; umount {claim}, and have it not "
        "mounted again",
        f"host: {slot} would be replaced, and /etc/homeport/notes may not be changed (lsattr says so); "
        "chattr -ia /etc/homeport/notes",
    ]


def test_a_site_may_leave_its_old_name_when_that_is_said() -> None:
    found = replace(bare(), claims=(Claim("notes", ("old.example.com",), (8001, 8002)),))
    assert problems(found, make_settings(former_domain="old.example.com")) == []
    assert len(problems(found, make_settings(former_domain="older.example.com"))) == 1


LARGE = replace(make_source(), disk_kilobytes=100 * 1024, disk_files=500)


@pytest.mark.parametrize(
    ("free", "inodes", "lines"),
    [
        (None, None, []),
        (100, 500, []),
        (99, 500, ["the release needs 100 MB on the file system of /srv, 99 MB are free"]),
        (100, 499, ["the release needs 500 inodes on the file system of /srv, 499 are free"]),
    ],
)
def test_a_release_that_the_disk_cannot_take_is_refused_before_it_is_sent(
    free: int | None, inodes: int | None, lines: list[str]
) -> None:
    found = replace(bare(), release_free_megabytes=free, release_free_inodes=inodes)
    fix = "free some space, or keep files out with export-ignore"
    assert problems(found, source=LARGE) == [f"disk: {line}; {fix}" for line in lines]
    assert problems(replace(found, releases=frozenset({make_wanted().release.id})), source=LARGE) == []


def serving(settings: Settings, live_slot: str = "blue") -> Snapshot:
    """Return a machine where an older release serves with the standard ports, in one of the slots."""
    found = as_wanted(make_wanted(settings))
    active, stopped = found.units["notes@blue.service"], found.units["notes@green.service"]
    slots = {"notes@blue.service": active, "notes@green.service": stopped}
    if live_slot == "green":
        slots = {"notes@blue.service": stopped, "notes@green.service": active}
    ports = {"blue": 8001, "green": 8002}
    return replace(
        found, live_slot=live_slot, slots={live_slot: "older"}, slot_ports=ports, units={**found.units, **slots}
    )


@pytest.mark.parametrize(
    ("live", "data", "line"),
    [
        (
            "blue",
            {"port_blue": 9001},
            "port_blue: 8001 is the port of the live slot, and cannot change while the slot serves; "
            "set it to 8001 and change port_green, deploy, and change port_blue after that",
        ),
        (
            "green",
            {"port_green": 9002},
            "port_green: 8002 is the port of the live slot, and cannot change while the slot serves; "
            "set it to 8002 and change port_blue, deploy, and change port_green after that",
        ),
        (
            "blue",
            {"port_blue": 8002, "port_green": 8001},
            "port_blue: 8001 is the port of the live slot, and cannot change while the slot serves; "
            "set it to 8001 and change port_green, deploy, and change port_blue after that",
        ),
    ],
)
def test_the_port_of_the_slot_that_serves_cannot_change(live: str, data: dict[str, Any], line: str) -> None:
    settings = make_settings(**data)
    assert problems(serving(settings, live), settings) == [line]


@pytest.mark.parametrize(("live", "data"), [("blue", {"port_green": 9002}), ("green", {"port_blue": 9001})])
def test_the_port_of_the_idle_slot_may_change(live: str, data: dict[str, Any]) -> None:
    settings = make_settings(**data)
    assert problems(serving(settings, live), settings) == []


def test_the_port_of_a_slot_that_is_down_may_change() -> None:
    settings = make_settings(port_blue=9001)
    found = serving(settings)
    down = found.units["notes@blue.service"]._replace(active="failed")
    assert problems(replace(found, units={**found.units, "notes@blue.service": down}), settings) == []


def test_workers_that_do_not_fit_are_refused_only_when_a_slot_is_to_be_started() -> None:
    settings = make_settings(workers=6, worker_memory_megabytes=200)
    [line] = problems(replace(serving(settings), available_megabytes=1000), settings)
    assert line.startswith("workers: 6 workers of 200 MB (by worker_memory_megabytes) need 1200 MB, there are 468 MB")
    assert problems(replace(as_wanted(make_wanted(settings)), available_megabytes=1000), settings) == []


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = replace(bare(MachineFound("debian", "11")), free_megabytes=0, clock=NOW + timedelta(days=1))
    assert [line.partition(":")[0] for line in problems(found)] == ["os", "disk", "clock"]


OLD = ServerFound("/etc/nginx/sites-enabled/old", ("[::]:443 ssl", "443 ssl"), names=("www.example.com", "x.test"))


def test_another_site_with_a_name_of_ours_is_named_before_a_first_deploy_and_later_in_each_plan() -> None:
    [line] = problems(replace(bare(), servers=(OLD, replace(OLD, names=("other.example.com",)))))
    assert line == (
        "domain: /etc/nginx/sites-enabled/old has the name www.example.com on port 443, and Nginx would go on to serve "
        "that site; take the name out of it, or the file away, and deploy again"
    )
    live = replace(as_wanted(make_wanted()), servers=(OLD,))
    assert problems(live) == []
    [said] = rival_sites.warnings(SETTINGS.domains, make_wanted(), live)
    assert said.startswith("/etc/nginx/sites-enabled/old has the name www.example.com on port 443 too")


def test_a_site_on_another_port_or_in_a_file_that_goes_is_no_obstacle() -> None:
    others = (
        replace(OLD, listens=("81", "*:8443 ssl")),
        replace(OLD, listens=("unix:/run/443",)),
        replace(OLD, file=NGINX_WELCOME),
    )
    found = replace(bare(), servers=others, file_origins=FileOrigins(pristine=frozenset({NGINX_WELCOME})))
    assert problems(found) == []
    assert rival_sites.warnings(SETTINGS.domains, make_wanted(), found) == ()


def test_another_site_on_port_80_is_an_obstacle_where_the_authority_asks_there() -> None:
    found = replace(bare(), servers=(replace(OLD, file="/etc/nginx/conf.d/old.conf", listens=("80",)),))
    [line] = problems(found)
    assert line == (
        "domain: /etc/nginx/conf.d/old.conf has the name www.example.com on port 80, and Nginx would go on to serve "
        "that site, also to the authority, which asks there for the certificate; take the name out of it, or the file "
        "away, and deploy again"
    )
    both = replace(found, servers=(*found.servers, OLD))
    assert "sites-enabled/old has the name www.example.com on port 443" in problems(both)[0]
    wanted = make_wanted()
    for other in (replace(wanted.certificate, folder="/etc/x"), replace(wanted.certificate, authenticator="dns-x")):
        otherwise = replace(wanted, certificate=other)
        assert rival_sites.refusal(SETTINGS.domains, otherwise, found) is None
        assert "on port 80 too" in rival_sites.warnings(SETTINGS.domains, otherwise, found)[0]
    assert problems(replace(as_wanted(wanted), servers=found.servers)) == []
