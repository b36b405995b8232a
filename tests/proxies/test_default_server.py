"""Default servers of somebody else's in Nginx: they go on, and ours takes those addresses alone that are left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.comparison import compare
from homeport.facts.ownership import servers
from homeport.preflight.preflight import preflight
from homeport.proxies.nginx.default_server import defaults_elsewhere
from homeport.state.paths import NGINX_DEFAULT, NGINX_WELCOME
from homeport.state.snapshot import FileOrigins, MachineFound, ServerFound, Snapshot
from tests.state.builders import NOW, as_wanted, bare, changes_by_phase, make_settings, make_source, make_wanted

SHOP = "/etc/nginx/sites-enabled/shop"
OURS = ServerFound(NGINX_DEFAULT, ("80 default_server", "[::]:80 default_server"))
ALL = ("80", "[::]:80", "443", "[::]:443")


def machine(*found: ServerFound) -> Snapshot:
    return replace(bare(), servers=found)


def elsewhere(*found: ServerFound, take_over: tuple[str, ...] = ()) -> dict[str, str]:
    return {address: one.file for address, one in defaults_elsewhere(machine(*found), take_over).items()}


def default(*addresses: str) -> str:
    """Return our file on a machine where the defaults of these addresses are somebody's."""
    wanted = make_wanted(machine=MachineFound(defaults=tuple((one, SHOP) for one in addresses)))
    return next(file.content for file in wanted.part.files if file.path == NGINX_DEFAULT)


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("80 default_server", "80"),
        ("*:443 ssl default_server", "443"),
        ("0.0.0.0:80 default", "80"),
        ("[::]:443 ssl http2 default_server ipv6only=on", "[::]:443"),
        ("[::] default_server", "[::]:80"),
        ("* default_server", "80"),
    ],
)
def test_a_default_server_of_somebodys_is_known_by_its_address_however_it_is_written(listen: str, address: str) -> None:
    assert elsewhere(ServerFound(SHOP, (listen,)), OURS) == {address: SHOP}


@pytest.mark.parametrize("listen", ["8080 default_server", "192.0.2.1:80 default_server", "unix:/run/x default_server"])
def test_the_default_server_of_another_address_is_no_matter(listen: str) -> None:
    assert elsewhere(ServerFound(SHOP, (listen,))) == {}


def test_where_nobody_says_so_the_first_server_is_the_default_unless_ours_has_been() -> None:
    first, second = ServerFound("/etc/nginx/conf.d/a.conf", ("80", "443 ssl")), ServerFound(SHOP, ("80", "[::]:80"))
    assert elsewhere(first, second) == {"80": first.file, "443": first.file, "[::]:80": SHOP}
    # What came after us changes nothing of ours, but where it says that it is the default.
    assert elsewhere(first, second, OURS) == {"443": first.file}
    said = ServerFound(SHOP, ("80 default_server",))
    assert elsewhere(first, said, OURS) == {"80": SHOP, "443": first.file}


def test_a_default_site_that_a_deploy_removes_is_no_default() -> None:
    welcome = ServerFound(NGINX_WELCOME, ("80 default_server", "[::]:80 default_server"))
    assert set(elsewhere(welcome)) == {"80", "[::]:80"}
    assert elsewhere(welcome, take_over=(NGINX_WELCOME,)) == {}
    pristine = replace(machine(welcome), file_origins=FileOrigins(pristine=frozenset({NGINX_WELCOME})))
    assert defaults_elsewhere(pristine, ()) == {}


def test_our_default_servers_have_the_addresses_that_are_left() -> None:
    whole = default()
    assert [whole.count(f"listen {one} ") for one in ALL] == [1, 1, 1, 1]
    assert whole.count("server {") == 2
    some = default("80", "443")
    assert [some.count(f"listen {one} ") for one in ALL] == [0, 1, 0, 1]
    assert f"# Those to 443 are left to {SHOP}, which was there before.\n" in some
    assert "server {" not in default(*ALL)


def test_without_ipv6_no_empty_server_is_left() -> None:
    wanted = make_wanted(machine=MachineFound(ipv6=False, defaults=(("80", SHOP), ("443", SHOP))))
    assert "server {" not in next(file.content for file in wanted.part.files if file.path == NGINX_DEFAULT)


def test_a_plan_says_which_default_servers_are_left_to_whom_and_what_that_means() -> None:
    weak = ServerFound(SHOP, ("443 ssl default_server",), ("TLSv1.1", "TLSv1.2"), "secp521r1")
    plain = ServerFound("/etc/nginx/conf.d/a.conf", ("80 default_server",))
    lines = [
        str(one) for one in compare.file_changes(make_wanted(), machine(plain, weak)).changes if one.verb == "leave"
    ]
    assert lines == [
        "leave the default server of 80 (/etc/nginx/conf.d/a.conf: it answers what names no site)",
        f"leave the default server of 443 ({SHOP}: it answers what names no site, with its certificate, and no "
        "handshake has other protocols than TLSv1.1 and TLSv1.2, and every handshake has its curves (secp521r1))",
    ]


def test_a_plan_without_changes_says_nothing_of_default_servers() -> None:
    wanted = make_wanted()
    found = replace(as_wanted(wanted), servers=(ServerFound(SHOP, ("443 ssl default_server",)),))
    assert changes_by_phase(wanted, found) == {}


@pytest.mark.parametrize(
    ("profile", "protocols", "refused"),
    [
        ("modern", ("TLSv1.2",), True),
        ("modern", ("TLSv1.2", "TLSv1.3"), False),
        ("modern", (), False),
        ("intermediate", ("TLSv1.2",), False),
        ("intermediate", ("TLSv1", "TLSv1.1"), True),
    ],
)
def test_a_default_server_whose_protocols_would_keep_everybody_out_is_refused(
    profile: str, protocols: tuple[str, ...], *, refused: bool
) -> None:
    settings = make_settings(tls_profile=profile)
    found = machine(ServerFound(SHOP, ("443 ssl default_server",), protocols))
    problems = preflight(settings, make_source(), make_wanted(settings), found, NOW)
    assert [one.key for one in problems] == (["tls_profile"] if refused else [])
    assert all(SHOP in one.line() for one in problems)


def test_servers_are_read_from_files_as_nginx_reads_them() -> None:
    rows = [
        [SHOP, "ssl_protocols", "TLSv1.2"],
        [SHOP, "server", "127.0.0.1:9000"],
        [SHOP, "server", ""],
        [SHOP, "listen", "80"],
        [SHOP, "listen", "443   ssl  default_server"],
        [SHOP, "ssl_protocols", "TLSv1.2 TLSv1.3"],
        [SHOP, "server", ""],
        ["/etc/nginx/sites-enabled/z", "server", ""],
        ["/etc/nginx/sites-enabled/z", "listen", "8080"],
    ]
    assert servers(rows) == (
        ServerFound(SHOP, ("80", "443 ssl default_server"), ("TLSv1.2", "TLSv1.3")),
        ServerFound(SHOP, ("80",), ("TLSv1.2",)),
        ServerFound("/etc/nginx/sites-enabled/z", ("8080",)),
    )
