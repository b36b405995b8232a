from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.certificates import comparison
from homeport.comparison import compare, environment
from homeport.host.services.unit_state import UnitState
from homeport.state.paths import AppPaths
from homeport.state.snapshot import CertificateFound, PathFound, PathKind, PortHolder, Snapshot
from homeport.state.wanted import Account, Directory, File, Part, Unit, Wanted

from ..state.builders import NOW, SECRET, as_wanted, bare, changes_by_phase, make_settings, make_wanted

WANTED = make_wanted()
PLACES = AppPaths(WANTED.app)
AS_WANTED = as_wanted(WANTED)
PATHS = st.sampled_from(
    [f"/etc/homeport/{name}" for name in ("a", "b/c", "with space", "'", '"', "$x", "é", "..d", "-n", "~")]
)
OWNERS = st.sampled_from(("root", "notes", "www-data"))
MODES = st.sampled_from((0o644, 0o600, 0o755, 0o4755))
DIRECTORIES = st.builds(Directory, PATHS, MODES, OWNERS, OWNERS)
FILES = st.builds(File, PATHS, st.sampled_from(("", "a", "é\n")), MODES, OWNERS, OWNERS, secret=st.booleans())


def with_path(path: str, found: PathFound | None) -> Snapshot:
    others = {name: one for name, one in AS_WANTED.paths.items() if name != path}
    return replace(AS_WANTED, paths=others | ({path: found} if found else {}))


def with_unit(name: str, **changed: object) -> Snapshot:
    unit = AS_WANTED.units[name]._replace(**changed)  # type: ignore[arg-type]
    return replace(AS_WANTED, units={**AS_WANTED.units, name: unit})


def with_certificate(**changed: object) -> Snapshot:
    assert AS_WANTED.certificate
    return replace(AS_WANTED, certificate=replace(AS_WANTED.certificate, **changed))  # type: ignore[arg-type]


def lines(found: Snapshot, phase: str) -> list[str]:
    """Return the changes of one phase, and have no other phase change anything."""
    changes = changes_by_phase(WANTED, found)
    assert set(changes) == {phase}
    return [str(change) for change in changes[phase]]


@st.composite
def wanted_states(draw: st.DrawFn) -> Wanted:
    names = draw(st.lists(PATHS, unique=True, max_size=12))
    first, second = sorted((draw(st.integers(0, len(names))), draw(st.integers(0, len(names)))))
    part = Part(
        packages=tuple(draw(st.lists(st.sampled_from(("nginx", "openssl", "curl")), unique=True))),
        accounts=tuple(Account(name, f"/var/lib/{name}") for name in draw(st.sets(st.sampled_from(("a", "b"))))),
        directories=tuple(replace(draw(DIRECTORIES), path=name) for name in names[:first]),
        files=tuple(replace(draw(FILES), path=name) for name in names[first:second]),
        absent=tuple(names[second:]),
        units=tuple(Unit(f"{name}.service") for name in draw(st.sets(st.sampled_from(("nginx", "other"))))),
    )
    return replace(WANTED, part=part)


def test_on_a_bare_machine_every_phase_but_the_pruning_has_something_to_do() -> None:
    assert len(changes_by_phase(WANTED, bare())) == 11


@given(wanted_states())
def test_a_host_that_is_as_wanted_is_left_alone_in_every_phase(wanted: Wanted) -> None:
    assert changes_by_phase(wanted, as_wanted(wanted)) == {}


def test_a_provisioned_host_is_left_alone_in_every_phase() -> None:
    assert changes_by_phase(WANTED, AS_WANTED) == {}


def test_a_host_whose_live_slot_is_green_is_left_alone_too() -> None:
    blue, green = (AS_WANTED.units[f"notes@{slot}.service"] for slot in ("blue", "green"))
    found = replace(
        AS_WANTED,
        live_slot="green",
        slots={"green": WANTED.release.id, "blue": "older"},
        units={**AS_WANTED.units, "notes@blue.service": green, "notes@green.service": blue},
    )
    assert changes_by_phase(WANTED, found) == {}


@given(wanted_states(), st.randoms())
def test_the_order_of_what_was_read_does_not_matter(wanted: Wanted, shuffle: random.Random) -> None:
    found = as_wanted(wanted)
    paths = [(path, one) for path, one in found.paths.items() if shuffle.random() < 0.7]
    units = [(name, one) for name, one in found.units.items() if shuffle.random() < 0.7]
    first = replace(found, paths=dict(paths), units=dict(units))
    shuffle.shuffle(paths)
    shuffle.shuffle(units)
    second = replace(found, paths=dict(paths), units=dict(units))
    assert changes_by_phase(wanted, first) == changes_by_phase(wanted, second)


@given(wanted_states(), st.data())
def test_one_differing_path_gives_one_change(wanted: Wanted, data: st.DataObject) -> None:
    found, part = as_wanted(wanted), wanted.part
    managed = [*(one.path for one in part.directories), *(one.path for one in part.files)]
    if not managed:
        return
    path = data.draw(st.sampled_from(managed))
    right = found.paths[path]
    wrong = data.draw(
        st.sampled_from(
            (
                None,
                replace(right, kind="link"),
                replace(right, mode=right.mode ^ 0o1),
                replace(right, owner="stranger"),
                replace(right, group="stranger"),
                *((replace(right, digest="0" * 64),) if right.kind == "file" else ()),
            )
        )
    )
    paths = {name: one for name, one in found.paths.items() if name != path} | ({path: wrong} if wrong else {})
    [change] = compare.file_changes(wanted, replace(found, paths=paths)).changes
    assert (change.verb, change.what) == ("make" if right.kind == "directory" else "write", path)
    assert change.reason


@given(wanted_states(), st.data())
def test_an_unwanted_path_is_removed_whatever_its_kind(wanted: Wanted, data: st.DataObject) -> None:
    if not wanted.part.absent:
        return
    path = data.draw(st.sampled_from(wanted.part.absent))
    there = data.draw(st.sampled_from([PathFound(kind, 0, "a", "b") for kind in get_args(PathKind)]))
    found = as_wanted(wanted)
    pending = compare.file_changes(wanted, replace(found, paths={**found.paths, path: there}))
    assert pending.absent == (path,)
    assert [change.verb for change in pending.changes] == ["remove"]


NGINX = "/etc/nginx/nginx.conf"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: None, "missing"),
        (lambda one: replace(one, digest="0"), "content differs"),
        (lambda one: replace(one, mode=0o600), "mode 0600, not 0644"),
        (lambda one: replace(one, owner="www-data"), "belongs to www-data:root, not root:root"),
        (lambda one: replace(one, group="www-data"), "belongs to root:www-data, not root:root"),
        (lambda one: replace(one, kind="link", target="/dev/null"), "is a link to /dev/null, which stays as it is"),
        (lambda one: replace(one, kind="directory"), "is a directory"),
    ],
)
def test_a_file_that_differs_is_written_again(change: Callable[[PathFound], PathFound | None], reason: str) -> None:
    path = f"{PLACES.etc}/site.json"
    assert lines(with_path(path, change(AS_WANTED.paths[path])), "files") == [f"write {path} ({reason})"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: None, "missing"),
        (lambda one: replace(one, mode=0o700), "mode 0700, not 0755"),
        (lambda one: replace(one, owner="notes"), "belongs to notes:root, not root:root"),
        (lambda one: replace(one, kind="file"), "is a file"),
    ],
)
def test_a_directory_that_differs_is_made_again(change: Callable[[PathFound], PathFound | None], reason: str) -> None:
    path = f"{PLACES.root}/releases"
    assert lines(with_path(path, change(AS_WANTED.paths[path])), "files") == [f"make {path} ({reason})"]


@pytest.mark.parametrize("path", ["/var/www", "/etc/letsencrypt", "/etc/sysctl.d"])
def test_a_folder_that_others_have_files_in_keeps_its_mode_and_owner(path: str) -> None:
    changed = replace(AS_WANTED.paths[path], mode=0o2775, owner="www-data", group="deploy")
    assert changes_by_phase(WANTED, with_path(path, changed)) == {}
    assert lines(with_path(path, None), "files") == [f"make {path} (missing)"]


def test_a_configuration_of_the_proxy_that_is_written_is_taken_up_too() -> None:
    found = with_path(NGINX, None)
    changes = changes_by_phase(WANTED, found)
    assert set(changes) == {"files", "services"}
    assert [str(one) for one in changes["services"]] == [
        "reload nginx.service (runs an older configuration or certificate)"
    ]


def test_a_proxy_that_runs_an_older_configuration_is_reloaded_though_no_file_differs() -> None:
    assert lines(replace(AS_WANTED, proxy_stale=True), "services") == [
        "reload nginx.service (runs an older configuration or certificate)"
    ]


def test_a_missing_package_is_installed() -> None:
    found = replace(AS_WANTED, packages=AS_WANTED.packages - {"openssl"})
    assert changes_by_phase(WANTED, found).keys() == {"packages"}
    assert compare.missing_packages(WANTED, found) == ("openssl",)


def test_a_missing_account_is_made() -> None:
    found = replace(AS_WANTED, accounts={})
    assert changes_by_phase(WANTED, found).keys() == {"accounts"}
    assert [one.name for one in compare.missing_accounts(WANTED, found)] == ["notes"]


@pytest.mark.parametrize("tools", ["", "000000000000"])
def test_tools_of_another_version_are_installed_anew(tools: str) -> None:
    [line] = lines(replace(AS_WANTED, tools=tools), "tools")
    assert line == f"install tools {WANTED.tools.digest} ({'other versions' if tools else 'missing'})"


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"file_state": "disabled"}, ["enable nginx.service (is disabled)"]),
        ({"file_state": "masked"}, ["enable nginx.service (is masked)"]),
        ({"active": "inactive"}, ["start nginx.service (is inactive)"]),
        ({"active": "failed"}, ["start nginx.service (is failed)"]),
        ({"needs_reload": True}, ["reload systemd (unit files have changed since it read them)"]),
        (
            {"active": "failed", "file_state": ""},
            ["enable nginx.service (is not there)", "start nginx.service (is failed)"],
        ),
    ],
)
def test_a_unit_that_is_not_as_wanted_is_put_right(changed: dict[str, object], wanted: list[str]) -> None:
    assert lines(with_unit("nginx.service", **changed), "services") == wanted


@pytest.mark.parametrize("active", ["activating", "reloading"])
def test_a_unit_that_is_on_its_way_is_left_alone(active: str) -> None:
    assert changes_by_phase(WANTED, with_unit("nginx.service", active=active)) == {}


def test_a_unit_that_systemd_does_not_know_is_enabled_and_started() -> None:
    units = {name: one for name, one in AS_WANTED.units.items() if name != "nginx.service"}
    assert lines(replace(AS_WANTED, units=units), "services") == [
        "enable nginx.service (is not there)",
        "start nginx.service (is not there)",
    ]


def test_a_release_that_is_not_on_the_host_is_uploaded_started_and_switched_to() -> None:
    found = replace(AS_WANTED, releases=frozenset({"older"}), slots={"blue": "older"})
    changes = changes_by_phase(WANTED, found)
    assert list(changes) == ["release", "start", "switch"]
    assert str(changes["release"][0]) == f"upload release {WANTED.release.id} (HEAD at 0123456789ab)"
    assert str(changes["switch"][0]) == f"switch to release {WANTED.release.id} (live: older)"


def test_a_release_in_the_slot_that_is_not_live_is_started_and_switched_to_without_an_upload() -> None:
    found = replace(AS_WANTED, slots={"blue": "older", "green": WANTED.release.id})
    assert list(changes_by_phase(WANTED, found)) == ["start", "switch"]


@pytest.mark.parametrize("live", ["000000000000", "ffffffffffff"])
def test_a_file_that_comes_with_a_release_waits_while_another_one_is_live(live: str) -> None:
    site = next(file for file in WANTED.part.files if file.with_release)
    edited = with_path(site.path, replace(AS_WANTED.paths[site.path], digest="another"))
    assert site in compare.file_changes(WANTED, edited).files
    assert site not in compare.file_changes(WANTED, replace(edited, slots={"blue": live})).files


def test_a_missing_environment_is_installed() -> None:
    assert lines(replace(AS_WANTED, environments=frozenset({"other"})), "dependencies") == [
        "install environment aaaabbbbcccc (no environment for this lock yet)"
    ]


def test_a_live_release_whose_python_is_gone_gets_another_environment_and_goes_to_the_other_slot() -> None:
    lost = replace(AS_WANTED, environments=frozenset(), lost_environments=frozenset({"aaaabbbbcccc"}))
    changes = changes_by_phase(WANTED, lost)
    assert {phase: str(found[0]) for phase, found in changes.items()} == {
        "dependencies": "install environment aaaabbbbcccc (its Python is gone, or is not the system's any more)",
        "start": f"start release {WANTED.release.id} (its environment is made anew)",
        "switch": f"switch to release {WANTED.release.id} (live: {WANTED.release.id})",
    }
    assert environment.starts_again(WANTED, lost)
    assert not environment.starts_again(WANTED, AS_WANTED)
    # Another one that has its Python is what counts; and one that is down is started as ever.
    assert changes_by_phase(WANTED, replace(lost, environments=AS_WANTED.environments)) == {}
    assert not environment.starts_again(
        WANTED, replace(lost, units=with_unit("notes@blue.service", active="failed").units)
    )


@pytest.mark.parametrize("active", ["failed", "inactive", "activating", "deactivating"])
def test_a_live_release_whose_unit_does_not_run_is_started(active: str) -> None:
    changes = changes_by_phase(WANTED, with_unit("notes@blue.service", active=active))
    assert list(changes) == ["start", "switch"]
    assert str(changes["start"][0]) == f"start release {WANTED.release.id} (its unit is {active})"


@pytest.mark.parametrize("changed", [{"active": "active"}, {"active": "activating"}, {"file_state": "enabled"}])
def test_a_slot_that_an_interrupted_switch_left_running_is_stopped(changed: dict[str, object]) -> None:
    found = with_unit("notes@green.service", **changed)
    assert lines(found, "switch") == ["stop slot green (left by an interrupted switch)"]


def test_a_live_slot_that_would_not_start_at_boot_is_enabled() -> None:
    found = with_unit("notes@blue.service", file_state="disabled")
    assert lines(found, "switch") == ["enable slot blue (it would not start at boot)"]


def test_releases_that_the_host_names_as_removable_are_removed() -> None:
    found = replace(AS_WANTED, removable=("release a", "environment b"))
    assert lines(found, "prune") == ["remove release a (no longer kept)", "remove environment b (no longer kept)"]


@pytest.mark.parametrize(
    ("found", "reason", "mode"),
    [
        (replace(AS_WANTED, certificate=None), "none yet", ""),
        (with_certificate(domains=frozenset({"notes.example.com"})), "it is for notes.example.com", ""),
        (with_certificate(directory_url="https://other/"), "it is from https://other/", "force"),
        (with_certificate(directory_url=""), "it is from another authority", "force"),
        (with_certificate(not_after=NOW), "it has expired", ""),
        (with_certificate(not_after=NOW - timedelta(days=1)), "it has expired", ""),
    ],
)
def test_a_certificate_that_does_not_do_is_asked_for(found: Snapshot, reason: str, mode: str) -> None:
    obtained = changes_by_phase(WANTED, found)["certificate"]
    assert [str(one) for one in obtained] == [f"obtain certificate for notes.example.com, www.example.com ({reason})"]
    assert comparison.certificate_mode(WANTED.certificate, found, NOW) == mode


def test_a_certificate_is_left_to_the_timer_until_it_has_run_out() -> None:
    found = with_certificate(not_after=NOW + timedelta(seconds=1))
    assert changes_by_phase(WANTED, found) == {}
    assert comparison.certificate_mode(WANTED.certificate, found, NOW) == "have"


@pytest.mark.parametrize("tls", [None, PathFound("link", 0o777, "root", "root", target=PLACES.placeholder)])
def test_a_site_that_serves_the_placeholder_is_pointed_to_its_certificate(tls: PathFound | None) -> None:
    placeholder = {f"{PLACES.placeholder}/fullchain.pem": PathFound("file", 0o600, "root", "root")}
    found = with_path(PLACES.tls, tls)
    changes = changes_by_phase(WANTED, replace(found, paths=found.paths | placeholder))
    assert [str(one) for one in changes["certificate"]] == [
        f"point {PLACES.tls} to {PLACES.certificate} (the placeholder is served)"
    ]


def test_a_placeholder_is_made_when_there_is_nothing_to_serve_tls_with() -> None:
    assert comparison.needs_placeholder(WANTED, bare())
    assert not comparison.needs_placeholder(WANTED, AS_WANTED)


def test_a_placeholder_is_made_when_the_link_leads_to_one_that_is_gone() -> None:
    link = PathFound("link", 0o777, "root", "root", target=PLACES.placeholder)
    assert comparison.needs_placeholder(WANTED, with_path(PLACES.tls, link))


def test_a_placeholder_is_made_when_the_certificate_that_is_served_is_gone() -> None:
    assert comparison.needs_placeholder(WANTED, replace(AS_WANTED, certificate=None))


def test_no_change_ever_mentions_the_content_of_a_secret() -> None:
    text = str(changes_by_phase(WANTED, bare())) + repr(WANTED.release)
    assert SECRET not in text
    assert any(SECRET in file.content for file in WANTED.release.etc)


@given(wanted_states())
def test_no_change_of_a_file_mentions_its_content(wanted: Wanted) -> None:
    files = tuple(replace(one, content=f"{SECRET}{one.content}") for one in wanted.part.files)
    wanted = replace(wanted, part=replace(wanted.part, files=files))
    for found in (bare(), as_wanted(WANTED)):
        assert SECRET not in "".join(map(str, compare.file_changes(wanted, found).changes))


def test_files_of_others_on_the_host_cause_no_change() -> None:
    stranger = UnitState("loaded", "active", "enabled", needs_reload=False)
    found = replace(
        AS_WANTED,
        paths={**AS_WANTED.paths, "/etc/nginx/homeport/other.conf": PathFound("file", 0, "a", "b")},
        units={**AS_WANTED.units, "other@blue.service": stranger},
        packages=AS_WANTED.packages | {"emacs"},
        ports=(PortHolder(443, "nginx", "nginx.service"),),
        releases=AS_WANTED.releases | {"older"},
        environments=AS_WANTED.environments | {"older"},
    )
    assert changes_by_phase(WANTED, found) == {}


def test_the_names_on_the_certificate_count_and_not_their_order() -> None:
    wanted = make_wanted(make_settings(domain="www.example.com", domain_aliases="notes.example.com"))
    assert AS_WANTED.certificate == CertificateFound(
        frozenset(wanted.certificate.domains),
        NOW - timedelta(days=30),
        NOW + timedelta(days=60),
        wanted.certificate.directory_url,
    )
    assert comparison.certificate_reason(wanted.certificate, AS_WANTED, NOW) == ""


def test_a_directory_that_somebody_has_put_on_another_disk_is_left_alone() -> None:
    moved = PathFound("link", 0o777, "root", "root", target="/data/notes", leads_to="directory")
    assert compare.file_changes(WANTED, with_path("/srv/notes", moved)).changes == ()
