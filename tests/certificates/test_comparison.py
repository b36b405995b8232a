"""A certificate that is brought, and one that is asked for in another way than the one on the disk was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from homeport.certificates import comparison
from homeport.certificates.step import wanted_certificate
from homeport.comparison import compare
from homeport.state.paths import AppPaths
from homeport.state.snapshot import PathFound, Snapshot
from homeport.state.wanted import ToolsWanted
from homeport.steps.context import Context
from tests.certificates.pairs import Authority
from tests.state.builders import NOW, as_wanted, bare, make_settings, make_source, make_wanted

WANTED = make_wanted()
PLACES = AppPaths("notes")
FOLDER = PLACES.provided_certificate("0123456789ab")
BROUGHT = replace(WANTED, certificate=replace(WANTED.certificate, folder=FOLDER))


def pointing(to: str, found: Snapshot | None = None) -> Snapshot:
    """Return a host whose site points to a folder, with a certificate in it."""
    found = found or replace(as_wanted(WANTED), certificate=None)
    here = {
        PLACES.tls: PathFound("link", 0o777, "root", "root", target=to),
        f"{to}/fullchain.pem": PathFound("file", 0o600, "root", "root"),
    }
    return replace(found, paths={**found.paths, **here})


def lines(found: Snapshot) -> list[str]:
    return [str(change) for change in comparison.certificate_changes(BROUGHT, found, NOW)]


def test_a_provided_certificate_is_linked_and_no_authority_is_asked() -> None:
    assert lines(bare()) == [f"point {PLACES.tls} to {FOLDER} (the placeholder is served)"]
    assert lines(pointing(PLACES.provided_certificate("b"))) == [
        f"point {PLACES.tls} to {FOLDER} (another one is served)"
    ]
    assert lines(pointing(FOLDER)) == []


def test_the_acme_certificate_is_removed_when_a_provided_one_is_set() -> None:
    assert lines(as_wanted(WANTED)) == [
        f"point {PLACES.tls} to {FOLDER} (another one is served)",
        "delete Certbot's certificate notes (it must not be renewed any more)",
    ]
    assert lines(pointing(FOLDER, as_wanted(WANTED)))[0].startswith("delete ")


def test_a_provided_certificate_needs_no_placeholder_unless_it_is_gone() -> None:
    assert not comparison.needs_placeholder(BROUGHT, pointing(FOLDER))
    gone = pointing(FOLDER)
    paths = {path: found for path, found in gone.paths.items() if path != f"{FOLDER}/fullchain.pem"}
    assert comparison.needs_placeholder(BROUGHT, replace(gone, paths=paths))


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"profile": "shortlived"}, "it has the profile that the authority chose"),
        ({"curve": "secp384r1"}, "its key is secp256r1"),
        ({"authenticator": "dns-rfc2136"}, "it is renewed by webroot"),
    ],
)
def test_another_challenge_means_another_certificate_at_once(wish: dict[str, str], reason: str) -> None:
    wanted, found = replace(WANTED.certificate, **wish), as_wanted(WANTED)  # type: ignore[arg-type]
    assert comparison.certificate_reason(wanted, found, NOW) == reason
    assert comparison.certificate_mode(wanted, found, NOW) == "force"
    assert found.certificate
    same = replace(found, certificate=replace(found.certificate, **wish))  # type: ignore[arg-type]
    assert comparison.certificate_mode(wanted, same, NOW) == "have"


def test_a_plugin_is_installed_beside_the_tools_once() -> None:
    wanted = replace(WANTED, tools=ToolsWanted(WANTED.tools.requirements, "certbot-dns-x==1 --hash=…\n"))
    found = as_wanted(WANTED)
    [change] = compare.tools_changes(wanted, found)
    assert str(change) == f"install Certbot plugin {wanted.tools.plugin_digest} (missing)"
    there = frozenset({wanted.tools.plugin_digest, "another applications"})
    assert compare.tools_changes(wanted, replace(found, tool_plugins=there)) == ()
    # Another application's stays where it is.
    assert compare.tools_changes(WANTED, replace(found, tool_plugins=there)) == ()


def test_a_lineage_of_somebody_else_is_neither_deleted_nor_overwritten() -> None:
    theirs = replace(as_wanted(WANTED), foreign_lineage=True)
    assert [line for line in lines(theirs) if line.startswith("delete")] == []
    assert comparison.lineage_conflict(BROUGHT, theirs) is None
    placeholder = replace(pointing(PLACES.placeholder, theirs), foreign_lineage=True)
    conflict = comparison.lineage_conflict(WANTED, placeholder)
    assert conflict == "Certbot has a certificate notes on this host that is not homeport's, and would be overwritten"


def test_a_lineage_that_the_site_serves_already_stays_its_own() -> None:
    assert comparison.lineage_conflict(WANTED, replace(as_wanted(WANTED), foreign_lineage=True)) is None
    assert comparison.lineage_conflict(WANTED, as_wanted(WANTED)) is None
    assert comparison.lineage_conflict(WANTED, bare()) is None


@pytest.mark.parametrize(
    ("renews", "days_left", "reason"),
    [
        (True, 37, ""),
        (True, 35, "its renewal has been due since 2029-12-31, and the host cannot reach the authority by itself"),
        (True, -1, "it has expired"),
        (False, 35, ""),
    ],
)
def test_a_deploy_renews_what_is_due_where_the_host_cannot(*, renews: bool, days_left: int, reason: str) -> None:
    found, wanted = as_wanted(WANTED), replace(WANTED.certificate, renews=renews)
    end = NOW + timedelta(days=days_left)
    have = replace(found.certificate, not_before=end - timedelta(days=90), not_after=end)  # type: ignore[type-var]
    found = replace(found, certificate=have)
    assert comparison.certificate_reason(wanted, found, NOW) == reason
    mode = comparison.certificate_mode(wanted, found, NOW)
    assert mode == ("have" if not reason else "force" if renews else "")


@pytest.mark.parametrize(("days_left", "said"), [(31, []), (29, ["it expires in 29 days, on 2030-01-30"])])
def test_a_provided_one_that_ends_soon_is_a_warning_of_check_plan_and_deploy(days_left: int, said: list[str]) -> None:
    pair = Authority().issue("notes.example.com", days=365, begins=NOW - timedelta(days=365 - days_left))
    settings = make_settings(tls="files", tls_certificate_file="a.pem", tls_key_file="a.key")
    context = Context(settings, make_source(), {}, certificate=pair)
    told = comparison.warnings(wanted_certificate(context), NOW)
    assert [line.partition(": ")[2].partition(";")[0] for line in told] == said
    assert all("tls_certificate_file" in line and "provide the next one" in line for line in told)


def test_of_one_that_the_timer_renews_there_is_no_warning() -> None:
    assert comparison.warnings(WANTED.certificate, NOW) == comparison.warnings(None, NOW) == ()
