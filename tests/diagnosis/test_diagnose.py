from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homeport.cli.main import COMMANDS
from homeport.diagnosis import HINT, TROUBLE, WARNING, Finding, checked, diagnose, static_files
from homeport.diagnosis.case import AWAY, REFUSED, SILENT, Case, SshAccess
from homeport.diagnosis.finding import EXPLAINS, arranged
from homeport.settings import static
from tests.diagnosis.cases import ADDRESS, CERTIFICATE, NAME, NOW, WELL, case, observed, settings, unit, visit
from tests.nginx_sites import BY_DNS

SCHEMA = json.loads((Path(__file__).parents[2] / "homeport/cli/schemas/doctor.json").read_text())
IDS = set(SCHEMA["$defs"]["finding"]["properties"]["id"]["enum"])
SOURCES = tuple((Path(__file__).parents[2] / "homeport/diagnosis").glob("*.py"))
BAD_GATEWAY = (visit(status=502),)
DOWN = (visit(https=REFUSED, http=REFUSED, certificate=None, status=None),)
SILENCE = (visit(https=SILENT, http=SILENT, certificate=None, status=None),)


def causes(one: Case) -> list[str]:
    found = diagnose(one)
    return [finding.id for finding in found if finding.because is None]


def slot(**values: Any) -> dict[str, Any]:
    return {"slot": {"good": False, "status": None, "answer": "/health connection refused", **values}}


def units(**by_name: Any) -> dict[str, Any]:
    names = {"app": "notes@blue.service", "nginx": "nginx.service", "migrate": "notes-migrate@blue.service"}
    return {"units": {names.get(name, name): one for name, one in by_name.items()}}


def again(what: str, name: str = "notes@blue.service") -> dict[str, Any]:
    words = {"reason": "the migration failed (status 1): refused", "last": ["refused"]}
    retry = {"what": what, "unit": name, "tries": 3, "since": "2030-01-01T00:00:00Z", **words}
    return {"retry": retry, **({} if what == "process" else slot())}


def disk(**values: Any) -> dict[str, Any]:
    return {"disks": [{**observed()["disks"][0], **values}]}


def memory(**values: Any) -> dict[str, Any]:
    return {"memory": values}


def met(kind: str, count: int = 1) -> dict[str, Any]:
    return {kind: {"count": count, "last": "GET /a: its words", "at": NOW.timestamp()}}


DEAD = unit("failed", result="start-limit-hit", restarts=12, ending="status 1", last=["ValueError: no colour"])
OLD_PYTHON = {"path": "/usr/bin/python3.11", "name": "python3.11", "there": True, "lasting": False}
UNPREPARED: dict[str, Any] = {
    **{"active": "activating", "sub": "start-pre", "result": "exit-code", "restarts": 3},
    "last": ["no such host", "before_start: ./fetch failed (status 4): no such host"],
}
REFUSING = {**units(app=DEAD), **slot()}


@pytest.mark.parametrize(
    ("cause", "follows", "one"),
    [
        (
            "dns_missing",
            [],
            case(names={}, observed=observed(names=[{"name": NAME, "addresses": [], "problem": "NXDOMAIN"}])),
        ),
        (
            "dns_elsewhere",
            ["site_unreachable"],
            case(names={NAME: ("203.0.113.1",)}, visits=(visit(), replace(DOWN[0], address="203.0.113.1"))),
        ),
        ("port_closed", ["site_unreachable"], case(visits=SILENCE)),
        (
            "firewall_changed",
            ["port_closed", "site_unreachable"],
            case(visits=SILENCE, observed=observed(firewall="changed")),
        ),
        (
            "proxy_down",
            ["site_unreachable"],
            case(visits=DOWN, observed=observed(**units(nginx=unit("inactive")), listening={"80": [], "443": []})),
        ),
        (
            "proxy_config",
            ["proxy_down", "site_unreachable"],
            case(
                visits=DOWN,
                observed=observed(
                    **units(nginx=unit("activating")), site={"config_problem": "bad"}, listening={"80": [], "443": []}
                ),
            ),
        ),
        (
            "static_missing",
            [],
            case(
                observed=observed(
                    static={"missing": "/var/www/homeport-static-notes/slots/blue", "closed": "", "hidden": []}
                )
            ),
        ),
        ("static_closed", [], case(observed=observed(static={"missing": "", "closed": "/var/www", "hidden": []}))),
        ("static_hides", [], case(observed=observed(static={"missing": "", "closed": "", "hidden": ["/", "/api/x"]}))),
        (
            "port_taken",
            ["proxy_down", "site_unreachable"],
            case(
                visits=(visit(http=REFUSED, certificate=None, status=None, problem="wrong version number"),),
                observed=observed(
                    **units(nginx=unit("failed")),
                    site={"config_problem": "bind()"},
                    listening={"80": [], "443": ["apache2"]},
                ),
            ),
        ),
        ("proxy_edited", ["site_error"], case(visits=BAD_GATEWAY, observed=observed(site={"ports": {"blue": 9999}}))),
        ("proxy_edited", [], case(observed=observed(site={"edits": ["-gzip on;"]}))),
        (
            "proxy_edited",
            ["site_unreachable"],
            case(visits=DOWN, observed=observed(site={"there": False}, listening={"80": [], "443": []})),
        ),
        ("proxy_stale", [], case(observed=observed(certificate={"served_differs": True}))),
        ("tls_profile", [], case(observed=observed(handshakes={"protocols": ["TLSv1.2"], "default": "/etc/nginx/x"}))),
        ("tls_profile", [], case(observed=observed(handshakes={"other_curve": True}))),
        (
            "proxy_rival",
            ["proxy_stale", "certificate_names"],
            case(
                visits=(visit(certificate=replace(CERTIFICATE, names=("old.example.com",))),),
                observed=observed(
                    site={"rivals": [("notes.example.com", 443, "/etc/nginx/sites-enabled/old")]},
                    certificate={"served_differs": True},
                ),
            ),
        ),
        ("app_crash_loop", ["site_error"], case(visits=BAD_GATEWAY, observed=observed(**REFUSING))),
        (
            "before_start_failed",
            ["site_error"],
            case(visits=BAD_GATEWAY, observed=observed(**units(app=unit(**UNPREPARED)), **slot())),
        ),
        (
            "app_down",
            ["site_error"],
            case(visits=BAD_GATEWAY, observed=observed(**units(app=unit("inactive")), **slot())),
        ),
        (
            "app_hung",
            ["site_error"],
            case(visits=(visit(status=504),), observed=observed(**slot(answer="no answer within 2 s"))),
        ),
        (
            "app_unhealthy",
            ["site_error"],
            case(visits=(visit(status=503),), observed=observed(**slot(status=503, answer="answered 503"))),
        ),
        ("app_disabled", [], case(observed=observed(**units(app=unit(enabled="disabled"))))),
        ("supervisord_down", [], case(observed=observed(units={"supervisor.service": unit("inactive")}))),
        ("process_failed", [], case(observed=observed(units={"notes.queue@blue.service": unit("failed")}))),
        (
            "migration_failed",
            ["app_down", "site_error"],
            case(
                visits=BAD_GATEWAY,
                observed=observed(**units(app=unit("inactive"), migrate=unit("failed", ending="status 3")), **slot()),
            ),
        ),
        (
            "migration_failed",
            ["app_down", "site_error"],
            case(
                visits=BAD_GATEWAY,
                observed=observed(**units(app=unit("inactive"), migrate=unit("activating")), **again("migration")),
            ),
        ),
        (
            "app_crash_loop",
            ["site_error"],
            case(visits=BAD_GATEWAY, observed=observed(**units(app=unit("activating")), **again("application"))),
        ),
        (
            "process_failed",
            [],
            case(
                observed=observed(
                    units={"notes.queue@blue.service": unit()}, **again("process", "notes.queue@blue.service")
                )
            ),
        ),
        (
            "secrets_missing",
            ["app_down", "site_error"],
            case(
                visits=BAD_GATEWAY,
                observed=observed(
                    **units(app=unit("failed", result="resources")),
                    **slot(missing=["/etc/homeport/notes/slots/blue/env"]),
                ),
            ),
        ),
        (
            "release_incomplete",
            ["app_crash_loop", "site_error"],
            case(
                visits=BAD_GATEWAY,
                observed=observed(**units(app=DEAD), **slot(missing=["/srv/notes/slots/blue/.venv"])),
            ),
        ),
        (
            "state_link",
            ["app_crash_loop", "site_error"],
            case(visits=BAD_GATEWAY, observed=observed(**REFUSING, state_link="/data/notes")),
        ),
        (
            "permissions",
            ["app_crash_loop", "site_error"],
            case(
                visits=BAD_GATEWAY,
                observed=observed(
                    **REFUSING,
                    denied=[
                        {"user": "notes", "need": "enter", "path": "/srv/a/b", "place": "/srv/a", "mode": "root 0700"}
                    ],
                ),
            ),
        ),
        ("secrets_exposed", [], case(observed=observed(exposed=["/etc/homeport/notes/releases/1/env"]))),
        (
            "database_locked",
            ["app_unhealthy", "site_error"],
            case(
                visits=(visit(status=503),),
                observed=observed(
                    **slot(status=503, answer="answered 503"),
                    locks=[{"path": "/db", "holder": "python3", "seconds": 2.5}],
                ),
            ),
        ),
        (
            "database_unreachable",
            ["app_crash_loop", "site_error"],
            case(
                visits=BAD_GATEWAY,
                observed=observed(
                    **REFUSING, servers=[{"variable": "DATABASE_URL", "place": "db:5432", "problem": "no answer"}]
                ),
            ),
        ),
        (
            "disk_full",
            ["app_crash_loop", "site_error"],
            case(visits=BAD_GATEWAY, observed=observed(**REFUSING, **disk(free_bytes=0))),
        ),
        ("disk_read_only", [], case(observed=observed(**disk(read_only=True)))),
        ("inodes_gone", [], case(observed=observed(**disk(free_inodes=3, free_inodes_percent=0.0)))),
        ("disk_low", [], case(observed=observed(**disk(free_bytes=500 * 2**20)))),
        ("disk_low", [], case(observed=observed(**disk(used_percent=90.0)))),
        ("inodes_low", [], case(observed=observed(**disk(free_inodes=20_000, free_inodes_percent=2.0)))),
        ("inodes_low", [], case(observed=observed(**disk(free_inodes=90_000, free_inodes_percent=9.0)))),
        ("memory_tight", [], case(observed=observed(**memory(available_kilobytes=190_000)))),
        ("reboot_required", [], case(observed=observed(reboot_required=True))),
        (
            "python_gone",
            [],
            case(observed=observed(python=OLD_PYTHON | {"there": False})),
        ),
        (
            "python_gone",
            [],
            case(observed=observed(python=OLD_PYTHON | {"path": "/usr/bin/python3.13", "there": False})),
        ),
        (
            "python_old",
            [],
            case(observed=observed(python=OLD_PYTHON)),
        ),
        ("upgrade_not_in_use", [], case(observed=observed(replaced={"nginx.service": ["/usr/lib/libssl.so.3"]}))),
        ("upgrade_not_in_use", [], case(observed=observed(replaced={"notes@blue.service": ["/usr/lib/libpq.so.5"]}))),
        ("memory_short", [], case(observed=observed(**memory(available_kilobytes=40_000)))),
        ("memory_short", [], case(observed=observed(**memory(pressure_percent=45.0)))),
        (
            "memory_killed",
            ["app_crash_loop", "site_error"],
            case(visits=BAD_GATEWAY, observed=observed(**REFUSING, **memory(kills=2, kills_age_seconds=60.0))),
        ),
        ("answer_headers_too_large", [], case(observed=observed(requests=met("headers", 9)))),
        ("answers_too_slow", [], case(observed=observed(requests=met("time")))),
        ("answers_cut", [], case(observed=observed(requests=met("cut", 5)))),
        ("bodies_too_large", [], case(observed=observed(requests=met("body", 99)))),
        ("answers_held_back", [], case(observed=observed(requests=met("held")))),
        (
            "memory_killed",
            ["answers_cut"],
            case(observed=observed(requests=met("cut", 50), **memory(kills=2, kills_age_seconds=60.0))),
        ),
        ("clock_off", [], case(observed=observed(clock={"now": NOW.timestamp() - 86400}))),
        ("unit_failed", [], case(observed=observed(failed_units=["logrotate.service"]))),
        (
            "renewal_off",
            [],
            case(observed=observed(units={"homeport-renew.timer": unit("inactive", enabled="disabled")})),
        ),
        (
            "renewal_failed",
            ["certificate_expiring"],
            case(
                visits=(visit(certificate=replace(CERTIFICATE, not_after=NOW + timedelta(days=2))),),
                observed=observed(units={"homeport-renew.service": unit("failed")}),
            ),
        ),
        ("renewal_failed", [], case(observed=observed(certificate={"renewal_configured": False}))),
        (
            "certificate_placeholder",
            [],
            case(observed=observed(certificate={"folder": "/etc/homeport/notes/placeholder"})),
        ),
        ("maintenance_on", [], case(observed=observed(deploys={"closed": {"by": "carol"}}))),
        ("deploys_held", [], case(observed=observed(deploys={"held": {"by": "carol", "message": "wait"}}))),
        ("deploy_running", [], case(observed=observed(deploys={"running": '{"by": "carol"}'}))),
        (
            "release_failed",
            [],
            case(
                observed=observed(
                    deploys={"events": [{"at": "", "event": "failed", "release": "b", "by": "", "reason": "it died"}]}
                )
            ),
        ),
        ("secrets_file_missing", [], case(secrets_missing="secrets/production.age")),
        ("not_deployed", ["site_error"], case(visits=(visit(status=404),), observed=observed(slot=None))),
        ("unexamined", [], case(observed=None, unread_reason="sudo: a password is required")),
        ("ssh_closed", [], case(observed=None, ssh_access=SshAccess("Could not connect", ADDRESS, 22, REFUSED))),
        ("ssh_login", [], case(observed=None, ssh_access=SshAccess("Authentication error", ADDRESS, 22, "open"))),
        (
            "ssh_host_key",
            [],
            case(observed=None, ssh_access=SshAccess("SSH error (Host key for x is unknown)", ADDRESS, 22, "open")),
        ),
        ("ssh_closed", [], case(observed=None, ssh_access=SshAccess("SSH error (saw EOF)", ADDRESS, 22, "open"))),
        ("ssh_name", [], case(observed=None, ssh_access=SshAccess("Could not resolve hostname", "", 22, None))),
        (
            "machine_unreachable",
            ["site_unreachable"],
            case(visits=SILENCE, observed=None, ssh_access=SshAccess("Could not connect", ADDRESS, 22, SILENT)),
        ),
        (
            "resolver_broken",
            ["dns_missing"],
            case(
                names={},
                observed=observed(
                    names=[{"name": NAME, "addresses": [], "problem": "the name server x does not answer"}]
                ),
            ),
        ),
    ],
)
def test_the_cause_comes_first_and_the_rest_follows_from_it(cause: str, follows: list[str], one: Case) -> None:
    found = diagnose(one)
    assert [(finding.id, finding.because) for finding in found] == [(cause, None), *((name, cause) for name in follows)]
    assert all(finding.problem and finding.fix for finding in found)
    assert not any("\n" in f"{finding.problem}{finding.evidence}{finding.fix}" for finding in found)


def test_a_name_with_a_star_is_looked_up_by_a_name_below_it() -> None:
    stars = {"served_domains": "*.a.example.com", **BY_DNS}
    asked = {"name": "homeport-test.a.example.com", "addresses": [], "problem": "NXDOMAIN"}
    told = observed(names=[*WELL["names"], asked])
    certificate = replace(CERTIFICATE, names=(NAME, "*.a.example.com"))
    known = {"settings": settings(**stars), "visits": (visit(certificate=certificate),)}
    [one] = diagnose(case(**known, observed=told))
    assert (one.id, one.problem) == ("dns_missing", "there is no address for *.a.example.com")
    assert one.evidence == "homeport-test.a.example.com: NXDOMAIN"
    good = observed(names=[*WELL["names"], {**asked, "addresses": [ADDRESS], "problem": ""}])
    assert diagnose(case(**known, observed=good)) == ()


def test_a_healthy_site_has_no_finding() -> None:
    assert diagnose(case()) == ()


@pytest.mark.parametrize(
    ("kind", "count", "level"),
    [
        ("headers", 1, WARNING),
        ("headers", 5, TROUBLE),
        ("time", 4, WARNING),
        ("cut", 5, TROUBLE),
        ("body", 500, HINT),
        ("held", 500, HINT),
    ],
)
def test_one_failed_request_is_a_notice_and_many_are_trouble(kind: str, count: int, level: str) -> None:
    [found] = diagnose(case(observed=observed(requests=met(kind, count))))
    assert found.level == level
    assert found.evidence.startswith("once" if count == 1 else f"{count} times")


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        ("headers", "response_headers_kilobytes (it is 32)"),
        ("time", "proxy_read_timeout_seconds (it is 60)"),
        ("body", "client_max_body_megabytes (it is 10)"),
    ],
)
def test_a_limit_of_the_proxy_is_named_with_its_setting_and_value(kind: str, setting: str) -> None:
    [found] = diagnose(case(observed=observed(requests=met(kind))))
    assert setting in found.fix


def test_every_finding_is_in_the_published_schema_and_the_other_way_round() -> None:
    texts = " ".join(path.read_text() for path in SOURCES)
    assert {name for name in IDS if f'"{name}"' not in texts} == set()
    assert set(re.findall(r'Finding\(\s*"(\w+)"', texts)) <= IDS


def test_every_finding_has_a_case_here() -> None:
    assert {name for name in IDS if f'"{name}"' not in Path(__file__).read_text()} == set()
    assert {*EXPLAINS, *(name for names in EXPLAINS.values() for name in names)} <= IDS


@pytest.mark.parametrize(
    ("ends_days", "found"), [(-1, ["certificate_expired"]), (23, ["certificate_expiring"]), (25, []), (89, [])]
)
def test_a_certificate_is_late_when_renewing_it_has_failed_for_long(ends_days: int, found: list[str]) -> None:
    end = NOW + timedelta(days=ends_days)
    served = replace(CERTIFICATE, not_before=end - timedelta(days=90), not_after=end)
    assert causes(case(visits=(visit(certificate=served),))) == found


def test_a_certificate_of_tomorrow_is_not_valid_yet() -> None:
    served = replace(CERTIFICATE, not_before=NOW + timedelta(days=1))
    assert causes(case(visits=(visit(certificate=served),))) == ["certificate_not_yet_valid"]


@pytest.mark.parametrize(
    ("names", "found"),
    [(("other.example.com",), ["certificate_names"]), (("*.example.com",), []), (("*.com",), ["certificate_names"])],
)
def test_a_certificate_is_for_the_names_of_the_site(names: tuple[str, ...], found: list[str]) -> None:
    assert causes(case(visits=(visit(certificate=replace(CERTIFICATE, names=names)),))) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, ["certificate_untrusted"]),
        ({"acme_directory_url": "https://acme-staging-v02.api.letsencrypt.org/directory"}, []),
        ({"acme_directory_url": "https://ca.corp.example/acme"}, []),
    ],
)
def test_only_what_is_meant_for_browsers_must_be_trusted(values: dict[str, Any], found: list[str]) -> None:
    visits = (visit(distrust="unable to get local issuer certificate"),)
    assert causes(case(settings=settings(**values), visits=visits)) == found


def test_a_load_balancer_that_serves_the_site_is_no_trouble() -> None:
    visits = (replace(DOWN[0], http=SILENT, https=SILENT), visit(address="203.0.113.1"))
    assert diagnose(case(names={NAME: ("203.0.113.1",)}, visits=visits)) == ()


def test_an_address_that_we_have_no_way_to_is_not_blamed() -> None:
    visits = (visit(), visit(address="2001:db8::1", http=AWAY, https=AWAY, certificate=None, status=None))
    assert diagnose(case(names={NAME: (ADDRESS, "2001:db8::1")}, visits=visits)) == ()


def test_an_old_kill_is_told_and_explains_no_trouble_of_today() -> None:
    found = diagnose(
        case(visits=BAD_GATEWAY, observed=observed(**REFUSING, **memory(kills=1, kills_age_seconds=90_000.0)))
    )
    assert [(one.id, one.because) for one in found] == [
        ("app_crash_loop", None),
        ("site_error", "app_crash_loop"),
        ("memory_killed", None),
    ]
    assert found[2].level == WARNING


def test_a_small_file_system_of_its_own_may_be_nearly_as_small_as_it_is() -> None:
    assert causes(case(observed=observed(**disk(path="/run", total_bytes=50 * 2**20, free_bytes=45 * 2**20)))) == []


def test_two_troubles_that_have_nothing_to_do_with_each_other_are_both_causes() -> None:
    one = case(
        observed=observed(
            units={"homeport-renew.timer": unit("inactive")}, locks=[{"path": "/d", "holder": "x", "seconds": 2}]
        )
    )
    assert causes(one) == ["database_locked", "renewal_off"]


@pytest.mark.parametrize(
    ("profile", "protocols", "said"),
    [
        ("intermediate", ["TLSv1.2", "TLSv1.3"], None),
        ("modern", ["TLSv1.3"], None),
        ("modern", ["TLSv1.2", "TLSv1.3"], "it speaks TLSv1.2"),
        ("intermediate", ["TLSv1.1", "TLSv1.2"], "it speaks TLSv1.1, it does not speak TLSv1.3"),
        # Nobody answers: another finding's matter.
        ("intermediate", [], None),
    ],
)
def test_the_protocols_that_a_visitor_may_speak_are_those_of_the_profile(
    profile: str, protocols: list[str], said: str | None
) -> None:
    owner = "/etc/nginx/sites-enabled/shop"
    found = observed(handshakes={"protocols": protocols, "default": owner})
    findings = diagnose(case(settings=settings(tls_profile=profile), observed=found))
    evidence = [f"{said}; {owner} has the default server of port 443, which decides that"] if said else []
    assert [one.evidence for one in findings] == evidence
    assert all(one.level == "warning" and owner in one.fix for one in findings)


def test_a_cause_of_a_cause_is_the_cause_of_all() -> None:
    found = arranged(Finding(name, name) for name in ("site_error", "app_crash_loop", "permissions", "disk_full"))
    assert {one.id: one.because for one in found} == {
        "disk_full": None,
        "permissions": None,
        "app_crash_loop": "disk_full",
        "site_error": "disk_full",
    }


def test_parts_that_could_not_be_checked_are_named() -> None:
    done, unchecked = checked(case(observed=None, ssh_access=SshAccess("Could not connect", ADDRESS, 22, SILENT)))
    assert unchecked == {"what is on the host": "Could not connect"}
    assert done == ["DNS", "ports 80 and 443", "certificate (70 days left)"]


def test_a_name_that_only_its_own_network_knows_is_not_looked_for_from_here() -> None:
    ssh_access, known = SshAccess("Could not connect", ADDRESS, 22, REFUSED), {"domain": "notes.lab.test"}
    certificate = replace(CERTIFICATE, names=("notes.lab.test",))
    visits = (visit(certificate=certificate),)
    assert causes(case(settings=settings(**known), names={}, visits=visits, observed=None, ssh_access=ssh_access)) == [
        "ssh_closed"
    ]
    assert causes(case(names={}, observed=None, ssh_access=ssh_access)) == ["dns_missing", "ssh_closed"]


def test_every_command_that_a_finding_advises_exists() -> None:
    texts = " ".join(path.read_text() for path in SOURCES)
    advised = set(re.findall(r"homeport ([a-z]+) TARGET", texts))
    assert advised
    assert advised <= set(COMMANDS)


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (unit("inactive", restarts=9), "app_down"),
        (unit("activating", sub="auto-restart", result="exit-code", restarts=1), "app_crash_loop"),
        (unit("activating", sub="start-post", restarts=1), "app_crash_loop"),
        (unit("activating", sub="start-post", restarts=4), "app_crash_loop"),
        (unit("activating", sub="start-post"), "app_down"),
        (unit("activating", sub="auto-restart", result="resources"), "app_down"),
    ],
)
def test_a_dying_application_is_told_from_a_stopped_or_starting_one(state: Any, found: str) -> None:
    assert causes(case(observed=observed(**units(app=state), **slot()))) == [found]


FAILED = {"result": "exit-code", "restarts": 12, "ending": "status 1"}


@pytest.mark.parametrize(
    ("known", "advice"),
    [
        (
            {**units(app=unit("failed", **FAILED, last=["OperationalError: unable to open database file"])), **slot()},
            "the release is read-only; set state_paths to what it writes, or write below the folder that "
            "STATE_DIRECTORY names (/var/lib/notes), and deploy",
        ),
        (
            slot(status=307, answer="/health answered 307 (Location: /health/) instead of 200"),
            'that path redirects; set health_path = "/health/", and deploy',
        ),
        (
            {
                "units": {
                    "notes.queue@blue.service": unit("failed", last=["MemoryError: ffi: failed to allocate closure"])
                }
            },
            "it generates code at run time, which the sandbox refuses; set sandbox_jit = True, and deploy",
        ),
        (slot(status=503, answer="/health answered 503 instead of 200"), "see: homeport logs TARGET"),
    ],
)
def test_the_fix_corrects_an_error_that_names_the_wrong_cause(known: dict[str, Any], advice: str) -> None:
    assert [finding.fix for finding in diagnose(case(observed=observed(**known)))] == [advice]


LED_OUT = settings(outbound="controller")


@pytest.mark.parametrize(("days_left", "found"), [(40, []), (29, ["renewal_waits"]), (-1, ["certificate_expired"])])
def test_a_machine_without_outbound_access_has_findings_of_its_own(days_left: int, found: list[str]) -> None:
    end = NOW + timedelta(days=days_left)
    served = replace(CERTIFICATE, not_before=end - timedelta(days=90), not_after=end)
    assert set(causes(case(settings=LED_OUT, visits=(visit(certificate=served),)))) == {*found, "upgrades_missing"}
    assert "renewal_waits" not in causes(case(visits=(visit(certificate=served),)))


def test_a_machine_that_goes_out_by_others_needs_no_name_server() -> None:
    names = [{"name": NAME, "addresses": [], "problem": "the name server x does not answer"}]
    assert causes(case(settings=LED_OUT, observed=observed(names=names))) == ["upgrades_missing"]
    assert causes(case(observed=observed(names=names))) == ["resolver_broken"]


@pytest.mark.parametrize(
    ("status", "key", "value"), [(401, "basic_auth", {"guest": "GUEST"}), (403, "allow_from", ["10.0.0.0/8"])]
)
def test_a_site_that_keeps_the_doctor_out_is_well(status: int, key: str, value: object) -> None:
    assert causes(case(visits=(visit(status=status),), settings=settings(**{key: value}))) == []
    assert causes(case(visits=(visit(status=status),))) == ["site_error"]
    assert causes(case(visits=BAD_GATEWAY, settings=settings(**{key: value}))) == ["site_error"]


def test_the_doctor_and_the_settings_have_the_same_paths_for_the_application_alone() -> None:
    # The rules import no settings, so that they can run on a host.
    assert static_files.USUAL_API_PATHS == static.USUAL_API_PATHS
