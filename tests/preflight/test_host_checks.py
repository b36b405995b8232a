from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from homeport.host.services.unit_state import UnitState
from homeport.preflight.host_checks import host_checks
from homeport.state.host_conditions import HostConditions
from homeport.state.snapshot import Snapshot
from tests.state.builders import as_wanted, bare, make_settings, make_wanted

SETTINGS, WANTED = make_settings(), make_wanted()
HERE = {
    "/srv/notes": "/srv/notes",
    "/var/lib/notes": "/var/lib/notes",
    "/usr/local/lib/homeport": "/usr/local/lib/homeport",
}


def lines(found: Snapshot) -> list[str]:
    problems = host_checks(SETTINGS, WANTED, found)
    assert all(problem.fix for problem in problems)
    return [problem.line() for problem in problems]


def around(found: Snapshot | None = None, **values: Any) -> Snapshot:
    return replace(found or bare(), host_conditions=HostConditions(**{"places": HERE, **values}))


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"groups": frozenset({"notes"})},
            "app_name: the host has a group notes already, and no user of that name; choose another name, or remove it "
            "(groupdel notes)",
        ),
        (
            {"lacks": ("ss", "ip", "useradd")},
            "os: programs are missing on the host: ss, ip, useradd; install them (apt install iproute2 passwd)",
        ),
        (
            {"removes": ("apache2", "libapache2-mod-php")},
            "packages: apt would remove apache2, libapache2-mod-php for what homeport needs; remove it yourself if "
            "nobody needs it, and deploy again",
        ),
        (
            {"unresolved": "deb.example.org"},
            "dns: the host cannot resolve deb.example.org, from where apt gets packages; see "
            "/etc/resolv.conf on the host (getent hosts deb.example.org)",
        ),
        (
            {"mounts": {"/": "", "/srv": "noexec"}},
            "disk: nothing can be run in /srv/notes: /srv is mounted noexec; mount -o remount,exec /srv, and change "
            "/etc/fstab",
        ),
        (
            {"mounts": {"/": "", "/usr/local": "ro"}},
            "disk: /usr/local/lib/homeport cannot be written: /usr/local is mounted read-only; mount -o remount,rw "
            "/usr/local, and change /etc/fstab",
        ),
        (
            {"places": {**HERE, "/srv/notes": "/data/notes"}, "mounts": {"/": "", "/data": "noexec"}},
            "disk: nothing can be run in /srv/notes: /data is mounted noexec; mount -o remount,exec /data, and change "
            "/etc/fstab",
        ),
        (
            {"places": {**HERE, "/srv/notes": "/home/data/notes"}, "linked": frozenset({"/srv/notes"})},
            "sandbox: /srv/notes leads to /home/data/notes, and the application's sandbox hides /home; mount it "
            "there instead of the link (mount --bind /home/data/notes /srv/notes, and in /etc/fstab)",
        ),
        # /var/lib itself is the link.
        (
            {"places": {**HERE, "/var/lib/notes": "/home/lib/notes"}},
            "sandbox: /var/lib/notes leads to /home/lib/notes, and the application's sandbox hides /home; mount it "
            "there instead of the link (mount --bind /home/lib/notes /var/lib/notes, and in /etc/fstab)",
        ),
        *(
            (
                {"places": {**HERE, "/var/lib/notes": real}, "linked": frozenset({"/var/lib/notes"})},
                f"state: /var/lib/notes is a link to {real}, and systemd starts no unit whose state folder is a link; "
                f"mount it there instead: rm /var/lib/notes && mkdir /var/lib/notes && mount --bind {real} "
                "/var/lib/notes, and the same in /etc/fstab",
            )
            for real in ("/data/notes", "/home/data/notes")
        ),
        (
            {"nginx_refuses": '2030/01/01 [emerg] 20#20: unknown directive "lua" in /etc/nginx/conf.d/theirs.conf:3'},
            'nginx: nginx does not accept the configuration in /etc/nginx (unknown directive "lua" in '
            "/etc/nginx/conf.d/theirs.conf:3); correct it there (nginx -t)",
        ),
    ],
)
def test_an_obstacle_to_a_phase_is_known_before_the_first_phase(values: dict[str, Any], line: str) -> None:
    assert lines(around(**values)) == [line]


@pytest.mark.parametrize(
    "values",
    [
        {"mounts": {"/": "", "/tmp": "noexec", "/var": "noexec", "/srvx": "ro", "/home": "noexec"}},
        {"mounts": {"/": "ro", "/srv": "", "/var": "", "/usr/local": ""}},
        {"places": {**HERE, "/srv/notes": "/data/notes", "/var/lib/notes": "/homes/notes"}},
        {"places": {**HERE, "/srv/notes": "/data/notes"}, "linked": frozenset({"/srv/notes"})},
        # What DynamicUser= has left.
        {
            "places": {**HERE, "/var/lib/notes": "/var/lib/private/notes"},
            "linked": frozenset({"/var/lib/notes"}),
        },
        # This deploy writes them: what is wrong in there is mended by it.
        {"nginx_refuses": 'nginx: [emerg] unknown directive "x" in /etc/nginx/nginx.conf:3'},
        {"nginx_refuses": 'nginx: [emerg] cannot load certificate "/etc/homeport/notes/tls/fullchain.pem"'},
        {"nginx_refuses": 'nginx: [emerg] unexpected "}" in /etc/nginx/homeport/notes.conf:90'},
    ],
)
def test_a_harmless_host_condition_is_no_obstacle(values: dict[str, Any]) -> None:
    assert lines(around(**values)) == []


def test_a_group_that_goes_with_the_applications_user_is_its_own() -> None:
    assert lines(around(as_wanted(WANTED), groups=frozenset({"notes"}))) == []


@pytest.mark.parametrize(
    ("name", "load", "line"),
    [
        ("nginx.service", "masked", "units: nginx.service is masked on the host; systemctl unmask nginx.service"),
        (
            "apt-daily.timer",
            "masked",
            "units: apt-daily.timer is masked on the host; systemctl unmask apt-daily.timer, or set security_upgrades "
            "= False",
        ),
        (
            "notes@blue.service",
            "masked",
            "units: notes@blue.service is masked on the host; systemctl unmask notes@blue.service",
        ),
        (
            "nginx.service",
            "bad-setting",
            "units: systemd does not accept nginx.service as it is on the host (bad-setting); see: systemd-analyze "
            "verify nginx.service",
        ),
    ],
)
def test_a_unit_that_cannot_be_enabled_or_started_is_named(name: str, load: str, line: str) -> None:
    assert lines(replace(bare(), units={name: UnitState(load, "inactive", load, needs_reload=False)})) == [line]


def test_a_unit_of_ours_that_this_deploy_writes_anew_is_no_obstacle() -> None:
    broken = UnitState("bad-setting", "inactive", "", needs_reload=False)
    assert lines(replace(bare(), units={"notes@blue.service": broken, "homeport-access.service": broken})) == []
