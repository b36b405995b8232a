"""Whose a file is, and what a deploy may do to it: ours, its package's, or somebody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.comparison import compare
from homeport.preflight.preflight import preflight
from homeport.state.ownership import is_named_ours
from homeport.state.query import query
from homeport.state.snapshot import Claim, FileOrigins, PathFound, Snapshot
from tests.state.builders import NOW, as_wanted, bare, make_settings, make_source, make_wanted

WANTED = make_wanted()
NGINX, CERTBOT, ROTATION = "/etc/nginx/nginx.conf", "/usr/local/bin/certbot", "/etc/logrotate.d/nginx"
WELCOME = "/etc/nginx/sites-enabled/default"
OTHER = PathFound("file", 0o644, "root", "root", digest="0" * 64)
LINK = PathFound("link", 0o777, "root", "root", target="/elsewhere", leads_to="file")
OURS = Claim("notes", ("notes.example.com",), (8001, 8002))


def machine(
    path: str, there: PathFound = OTHER, **file_origins: frozenset[str] | frozenset[tuple[str, str]]
) -> Snapshot:
    """Return a machine that was never ours, with one file of somebody's."""
    return replace(bare(), paths={path: there}, file_origins=FileOrigins(**file_origins))  # type: ignore[arg-type]


def refusals(found: Snapshot, **settings: object) -> list[str]:
    chosen = make_settings(**settings)
    return [one.line() for one in preflight(chosen, make_source(), make_wanted(chosen), found, NOW)]


def test_the_paths_that_anybody_may_have_a_file_at_are_few() -> None:
    # The last ones are read, and wanted only where one of the other proxies is the machine's.
    others = {"/etc/haproxy/haproxy.cfg", "/etc/caddy/Caddyfile", "/etc/systemd/system/traefik.service"}
    others |= {f"/etc/traefik/{name}.yaml" for name in ("traefik", "machine")}
    assert set(query(WANTED).shared) == {NGINX, CERTBOT, ROTATION, WELCOME, *others}


def test_folders_of_the_application_are_ours_and_those_of_a_longer_name_are_not() -> None:
    assert is_named_ours("/srv/notes/releases", "notes")
    assert not is_named_ours("/srv/notes-admin", "notes")


@pytest.mark.parametrize("path", [NGINX, CERTBOT, ROTATION])
@pytest.mark.parametrize("there", [OTHER, LINK])
def test_what_is_somebodys_is_not_replaced(path: str, there: PathFound) -> None:
    [line] = refusals(machine(path, there))
    said = f"take_over: {path} would be replaced, and it is neither homeport's nor unchanged from its Debian package"
    assert line.startswith(said)
    assert f'take_over = ["{path}"]: a copy is kept in /var/lib/homeport/originals' in line


@pytest.mark.parametrize("path", [NGINX, CERTBOT, ROTATION])
def test_what_is_given_up_by_name_is_replaced_and_a_copy_is_kept_and_named(path: str) -> None:
    found = machine(path)
    assert refusals(found, take_over=[path]) == []
    pending = compare.file_changes(make_wanted(make_settings(take_over=[path])), found)
    assert (pending.kept, pending.taken_over) == ((path,), (path,))
    assert f"write {path} (not homeport's; a copy is kept: /var/lib/homeport/originals{path})" in map(
        str, pending.changes
    )


@pytest.mark.parametrize("path", [NGINX, ROTATION])
def test_what_is_as_its_package_has_it_is_replaced_without_a_remark_and_a_copy_is_kept(path: str) -> None:
    found = machine(path, pristine=frozenset({path}))
    assert refusals(found) == []
    pending = compare.file_changes(WANTED, found)
    assert (pending.kept, pending.taken_over) == ((path,), ())
    assert f"write {path} (content differs)" in map(str, pending.changes)


@pytest.mark.parametrize(
    ("file_origins", "unkept"),
    [
        (FileOrigins(marked=frozenset({NGINX})), (NGINX,)),
        (FileOrigins(written=frozenset({(NGINX, OTHER.digest)})), ()),
        (FileOrigins(marked=frozenset({NGINX}), written=frozenset({(NGINX, "1" * 64)})), ()),
    ],
)
def test_what_we_have_written_is_replaced_without_a_copy(file_origins: FileOrigins, unkept: tuple[str, ...]) -> None:
    found = replace(bare(), paths={NGINX: OTHER}, file_origins=file_origins)
    assert refusals(found) == []
    pending = compare.file_changes(WANTED, found)
    assert (pending.kept, pending.taken_over, pending.unkept) == ((), (), unkept)


def test_a_template_of_the_projects_own_that_the_last_version_has_put_in_place_is_ours() -> None:
    found = replace(machine(NGINX), claims=(OURS,))
    assert refusals(found) == []
    assert compare.file_changes(WANTED, found).kept == (NGINX,)
    recorded = FileOrigins(written=frozenset({(NGINX, "1" * 64)}))
    assert len(refusals(replace(found, file_origins=recorded))) == 1


def test_a_file_that_has_our_content_already_is_nobodys_loss() -> None:
    right = as_wanted(WANTED).paths[NGINX]
    pending = compare.file_changes(WANTED, replace(bare(), paths={NGINX: replace(right, mode=0o600)}))
    assert (pending.kept, pending.taken_over, pending.unkept) == ((), (), ())


@pytest.mark.parametrize(
    ("there", "pristine", "removed"),
    [
        (LINK, frozenset({WELCOME}), True),
        (replace(LINK, leads_to=None), frozenset(), True),
        (LINK, frozenset(), False),
        (OTHER, frozenset(), False),
    ],
)
def test_the_packages_welcome_page_is_removed_and_somebodys_default_site_stays(
    there: PathFound, pristine: frozenset[str], *, removed: bool
) -> None:
    found = machine(WELCOME, there, pristine=pristine)
    assert refusals(found) == []
    pending = compare.file_changes(WANTED, found)
    assert pending.absent == ((WELCOME,) if removed else ())
    assert pending.kept == pending.absent
    told = [str(change) for change in pending.changes if WELCOME in str(change)]
    assert told == ([f"remove {WELCOME} (not wanted)"] if removed else [])


def test_a_default_site_that_is_given_up_is_removed_and_a_copy_is_kept() -> None:
    pending = compare.file_changes(make_wanted(make_settings(take_over=[WELCOME])), machine(WELCOME))
    assert (pending.absent, pending.kept, pending.taken_over) == ((WELCOME,), (WELCOME,), (WELCOME,))
    told = [str(change) for change in pending.changes if WELCOME in str(change)]
    assert told == [f"remove {WELCOME} (not homeport's; a copy is kept: /var/lib/homeport/originals{WELCOME})"]


def test_a_link_in_the_place_of_a_file_that_bears_our_name_is_replaced_and_kept() -> None:
    path = "/etc/homeport/notes/site.json"
    pending = compare.file_changes(WANTED, machine(path, LINK))
    assert (pending.kept, pending.taken_over) == ((path,), ())
