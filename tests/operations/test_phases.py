from __future__ import annotations

import base64
import gzip
import io
import tarfile
from dataclasses import replace
from typing import Any

import pytest

from homeport.comparison import compare
from homeport.operations.lock import locks_of
from homeport.operations.machine import manifest
from homeport.operations.release import ASK_KILOBYTES
from homeport.plans.provision import PHASES
from homeport.source import Present
from homeport.state.paths import HOST_PROGRAM, AppPaths
from homeport.state.snapshot import FileOrigins, PathFound, ServerFound
from tests.state.builders import SECRET, as_wanted, bare, make_settings, make_wanted

from .scripted import ARCHIVE, make_run, payload, phase

NAMES = [name for name, _ in PHASES]
# The builders' machine migrates, so the release is started in the phase before.
STARTING = ("Start first", "Start")
BUSY = [name for name in NAMES if name != "Start"]
WANTED = make_wanted()
REMOVABLE = ("release old", "environment older")
# Linux: MAX_ARG_STRLEN. The whole command is one argument of the login shell, and quoted once more for sudo.
LONGEST_COMMAND = 128 * 1024 // 2
# What comes before the code's archive in the payload of a release.
FILES_OF_A_RELEASE = {"env", "release.json", "site.conf", "app.service", "migrate.service", "migrate"}


def unpack(text: str) -> dict[str, tuple[tarfile.TarInfo, str]]:
    data = gzip.decompress(base64.b64decode(text, validate=False))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {one.name: (one, (tar.extractfile(one) or io.BytesIO()).read().decode()) for one in tar}


@pytest.mark.parametrize("name", NAMES)
def test_a_phase_does_nothing_when_nothing_differs(name: str) -> None:
    run, host = make_run(as_wanted(WANTED))
    assert list(phase(name, run)) == []
    assert (len(host.idle), host.lines) == (1, [])


@pytest.mark.parametrize("name", BUSY)
def test_a_phase_is_one_command_and_says_line_by_line_what_it_changes(name: str) -> None:
    found = replace(bare(), removable=REMOVABLE)
    run, host = make_run(found, found)
    assert len(list(phase(name, run))) == 1
    assert host.idle == []
    assert host.lines
    assert all(line.startswith("  ") and "\n" not in line for line in host.lines)


@pytest.mark.parametrize("name", BUSY)
def test_no_phase_shows_a_secret_or_takes_it_into_a_command_line(name: str) -> None:
    found = replace(bare(), removable=REMOVABLE)
    run, host = make_run(found, found)
    [command] = phase(name, run)
    shown = "".join((*host.lines, str(command), repr(command), command.get_raw_value()))
    assert SECRET not in shown
    assert base64.b64encode(SECRET.encode()).decode()[:8] not in shown


@pytest.mark.parametrize("name", BUSY)
def test_every_command_is_short_enough_for_an_argument_of_a_shell(name: str) -> None:
    found = replace(bare(), removable=REMOVABLE)
    run, _ = make_run(found, found)
    [command] = phase(name, run)
    assert len(command.get_raw_value()) < LONGEST_COMMAND


@pytest.mark.parametrize("name", BUSY)
def test_a_payload_is_text_that_pyinfra_can_send(name: str) -> None:
    found = replace(bare(), removable=REMOVABLE)
    run, _ = make_run(found, found)
    [command] = phase(name, run)
    assert payload(command).isascii()
    assert "\0" not in payload(command)


def test_packages_that_are_missing_are_installed_with_the_time_to_wait_for_another_apt() -> None:
    there = frozenset(WANTED.part.packages) - {"nginx", "python3-venv"}
    run, host = make_run(replace(as_wanted(WANTED), packages=there))
    [command] = phase("Packages", run)
    said = command.get_raw_value()
    assert said.endswith(" 300 '' python3-venv nginx")
    # Which starts Nginx as it is installed.
    assert " homeport-packages --condition /etc/systemd/system/nginx.service.d/homeport-condition.conf " in said
    assert host.lines == ["  install python3-venv (missing)", "  install nginx (missing)"]


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        ({"nginx", "openssl"}, "{digest} '' openssl nginx"),
        ({"ca-certificates", "nginx", "python3-venv"}, "{digest} 'ca-certificates python3-venv' nginx"),
        # Nothing is left to be done meanwhile.
        ({"ca-certificates", "python3-venv"}, "'' 'ca-certificates python3-venv'"),
    ],
)
def test_tools_that_are_missing_are_made_while_packages_that_they_do_not_need_are_installed(
    missing: set[str], arguments: str
) -> None:
    run, _ = make_run(replace(as_wanted(WANTED), packages=frozenset(WANTED.part.packages) - missing, tools=""))
    [command] = phase("Packages", run)
    digest = WANTED.tools.digest
    said = command.get_raw_value()
    assert said.endswith(f" 300 {arguments.format(digest=digest)}")
    assert (" homeport-packages 300 " in said) == ("nginx" not in missing)
    assert payload(command) == (WANTED.tools.requirements if "digest" in arguments else "")


@pytest.mark.parametrize("name", ["Packages", "Files"])
def test_the_host_is_read_anew_after_a_phase_whose_side_effects_count(name: str) -> None:
    run, host = make_run(bare(), as_wanted(WANTED))
    assert len(list(phase(name, run))) == 1
    assert list(phase(name, run)) == []
    assert [fact for fact, _ in host.asked] == ["SnapshotFact", "SnapshotFact"]


def test_the_host_is_read_once_for_all_phases_that_change_nothing() -> None:
    run, host = make_run(as_wanted(WANTED))
    for name in NAMES:
        assert list(phase(name, run)) == []
    assert len(host.asked) == 1


def test_an_account_is_made_with_its_home() -> None:
    run, _ = make_run(replace(as_wanted(WANTED), accounts={}))
    [command] = phase("Accounts", run)
    assert command.get_raw_value().endswith(" homeport-accounts 'homeport application' notes /var/lib/notes")


def test_the_first_certificate_waits_for_the_site_where_somebody_elses_default_server_would_answer() -> None:
    found = replace(bare(), servers=(ServerFound("/etc/nginx/conf.d/x.conf", ("80 default_server",)),))
    run, host = make_run(found)
    assert list(phase("Request", run)) == []
    assert host.idle == ["homeport requests it once the site is in place"]
    elsewhere = replace(found, servers=(ServerFound("/etc/nginx/conf.d/x.conf", ("443 ssl default_server",)),))
    run, _ = make_run(elsewhere)
    assert len(list(phase("Request", run))) == 1


def test_the_archive_of_files_has_each_file_that_differs_with_its_mode_and_owner() -> None:
    found, wanted = as_wanted(WANTED), WANTED
    changed = "/etc/nginx/nginx.conf"
    paths = {**found.paths, changed: replace(found.paths[changed], digest="0")}
    run, _ = make_run(replace(found, paths=paths, file_origins=FileOrigins(written=frozenset({(changed, "0")}))))
    [command] = phase("Files", run)
    content = unpack(payload(command))
    assert set(content) == {"manifest", f"root{changed}"}
    entry, text = content[f"root{changed}"]
    [file] = [one for one in wanted.part.files if one.path == changed]
    assert (entry.mode, entry.uname, entry.gname, entry.mtime) == (0o644, "root", "root", 0)
    assert text == file.content
    assert content["manifest"][1] == f"file\t644\troot\troot\t{changed}\n"
    assert content["manifest"][0].mode == 0o600


def test_the_manifest_names_directories_before_files_and_what_shall_be_away_last() -> None:
    run, _ = make_run(bare())
    rows = [line.split("\t") for line in manifest(run, compare.file_changes(run.wanted, bare())).splitlines()]
    kinds = [row[0] for row in rows]
    assert kinds == sorted(kinds, key=["directory", "file", "placeholder"].index)
    assert all(len(row) == 5 and all(row) for row in rows)
    assert ["directory", "750", "notes", "notes", "/var/lib/notes"] in rows
    assert ["directory", "750", "root", "notes", "/etc/homeport/notes/slots"] in rows
    assert ["file", "755", "root", "root", "/usr/local/bin/certbot"] in rows
    places = AppPaths("notes")
    assert rows[-1] == ["placeholder", "notes.example.com", places.tls, "-", places.placeholder]


def test_the_manifest_names_what_shall_be_away() -> None:
    found = as_wanted(WANTED)
    unwanted = "/etc/nginx/sites-enabled/default"
    there = replace(found, paths={**found.paths, unwanted: PathFound("link", 0o777, "root", "root", target="x")})
    run, host = make_run(there)
    [command] = phase("Files", run)
    rows = [f"{what}\t-\t-\t-\t{unwanted}\n" for what in ("absent", "keep")]
    assert unpack(payload(command))["manifest"][1] == "".join(rows)
    assert host.lines == [f"  remove {unwanted} (not wanted)"]


def test_equal_files_make_an_equal_payload() -> None:
    first, second = (next(phase("Files", make_run(bare())[0])) for _ in range(2))
    assert payload(first) == payload(second)


def test_the_tools_are_installed_from_their_lock() -> None:
    run, _ = make_run(bare())
    [command] = phase("Tools", run)
    assert command.get_raw_value().endswith(f" homeport-tools {run.wanted.tools.digest} notes")
    assert payload(command) == run.wanted.tools.requirements
    assert "--hash=sha256:" in payload(command)


def test_services_are_told_verb_and_unit_pair_by_pair() -> None:
    found = as_wanted(WANTED)
    unit = found.units["nginx.service"]._replace(active="failed", file_state="disabled")
    run, _ = make_run(replace(found, units={**found.units, "nginx.service": unit}, proxy_stale=True))
    [command] = phase("Services", run)
    assert command.get_raw_value().endswith(
        " homeport-services enable nginx.service start nginx.service reload nginx.service"
    )


def test_a_release_is_sent_with_its_secrets_private_and_its_code_behind_them() -> None:
    run, _ = make_run(bare())
    [command] = phase("Release", run)
    release = make_wanted().release
    assert command.get_raw_value().endswith(f" homeport-release notes {release.id} {release.dependencies} '' 1")
    files, same, code = payload(command).splitlines()
    assert gzip.decompress(base64.b64decode(same)) == b""
    assert base64.b64decode(code) == ARCHIVE
    content = unpack(files)
    assert set(content) == FILES_OF_A_RELEASE
    entry, text = content["env"]
    assert (entry.mode, entry.uname, entry.gname) == (0o640, "root", "notes")
    assert text == f'TOKEN="{SECRET}"\n'
    assert content["migrate"][0].mode == 0o755


@pytest.mark.parametrize(
    ("kilobytes", "live", "contents", "base"),
    [
        (ASK_KILOBYTES, "old", [frozenset({("large", "0", False)})], "old"),
        (ASK_KILOBYTES, "old", [None], "''"),
        (ASK_KILOBYTES, "", [], "''"),
        (ASK_KILOBYTES - 1, "old", [], "''"),
    ],
    ids=["large", "the host cannot tell", "nothing is live", "small"],
)
def test_a_large_release_sends_only_files_that_the_live_one_lacks(
    kilobytes: int, live: str, contents: list[Present | None], base: str
) -> None:
    found = replace(bare(), releases=frozenset({"old"}), slots={"blue": live}, live_slot="blue")
    run, _ = make_run(found, ContentsFact=contents)
    run.source._source = replace(run.source._source, disk_kilobytes=kilobytes)  # type: ignore[attr-defined]
    [command] = phase("Release", run)
    assert command.get_raw_value().endswith(f" {make_wanted().release.dependencies} {base} 1")
    same = gzip.decompress(base64.b64decode(payload(command).splitlines()[1]))
    assert same == (b"large" if base == "old" else b"")


def test_dependencies_are_installed_by_uv_into_the_environment_of_their_lock() -> None:
    run, _ = make_run(bare(), settings=make_settings(python_version="3.12"))
    [command] = phase("Dependencies", run)
    line = command.get_raw_value()
    assert f" homeport-dependencies notes {run.wanted.release_id} aaaabbbbcccc 3.12 fastapi " in line
    assert "/srv/notes/venvs/aaaabbbbcccc" in line
    assert "uv pip install -r requirements.txt" in line
    assert payload(command) == "\n"


def test_the_installations_secrets_are_in_its_input_alone() -> None:
    run, host = make_run(bare())
    run.install_secrets = {"UV_INDEX_OURS_PASSWORD": "hunter2"}
    [command] = phase("Dependencies", run)
    assert payload(command) == f"UV_INDEX_OURS_PASSWORD {base64.b64encode(b'hunter2').decode()}\n\n"
    assert "hunter2" not in command.get_raw_value()
    assert "UV_INDEX_OURS" not in " ".join([command.get_raw_value(), *host.lines])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Start first", f" --in-unit start --app notes --release {WANTED.release.id} --by "),
        ("Switch", f" --in-unit commit --app notes --release {WANTED.release.id} --by "),
        ("Prune", " prune --app notes --keep 5 --pin aaa --pin bbb "),
    ],
)
def test_start_switch_and_prune_are_done_by_the_host_program(name: str, arguments: str) -> None:
    found = replace(bare(), removable=REMOVABLE)
    run, _ = make_run(found, found, settings=make_settings(pinned_releases="aaa,bbb"))
    [command] = phase(name, run)
    assert f"{HOST_PROGRAM}{arguments}" in command.get_raw_value()
    assert payload(command) == ""


def test_work_that_outlives_the_connection_has_a_unit_with_a_unique_name() -> None:
    run, _ = make_run(bare())
    units = {next(iter(phase("Start first", run))).get_raw_value().split()[5] for _ in range(2)}
    assert len(units) == 2
    assert all(unit.startswith("--unit=homeport-notes-start-") for unit in units)


@pytest.mark.parametrize("migrates", [True, False])
def test_a_release_that_no_other_host_has_to_start_goes_live_in_the_command_that_starts_it(migrates: bool) -> None:
    run, host = make_run(bare(), migrates=migrates)
    host.alone()
    [command] = [command.get_raw_value() for name in STARTING for command in phase(name, run)]
    assert f"start --app notes --release {WANTED.release.id} --commit {locks_of(run.host.state).mark} --by " in command
    assert [line.split()[0] for line in host.lines] == ["start", "switch"]
    assert list(phase("Switch", run)) == []


def test_where_nothing_can_hold_the_lock_meanwhile_the_two_are_two_commands() -> None:
    run, host = make_run(bare())
    host.alone().connector = None
    [start] = phase("Start first", run)
    [switch] = phase("Switch", run)
    assert "--commit" not in start.get_raw_value()
    assert " commit --app notes " in switch.get_raw_value()


def test_a_switch_that_was_interrupted_is_finished_without_another_start_on_a_single_host() -> None:
    run, host = make_run(replace(as_wanted(WANTED), proven_release="another"))
    host.alone()
    assert [command for name in STARTING for command in phase(name, run)] == []
    [command] = phase("Switch", run)
    assert " commit --app notes " in command.get_raw_value()


def test_a_switch_whose_start_another_run_has_made_necessary_meanwhile_is_not_passed_over() -> None:
    run, host = make_run(as_wanted(WANTED), replace(as_wanted(WANTED), slots={"blue": "another"}))
    host.alone()
    assert [command for name in STARTING for command in phase(name, run)] == []
    run.forget()  # as when the lock comes late
    [command] = phase("Switch", run)
    assert " commit --app notes " in command.get_raw_value()


@pytest.mark.parametrize(("migrates", "starting"), [(True, "Start first"), (False, "Start")])
def test_a_machine_starts_the_release_in_one_phase_the_one_that_migrates_before_the_others(
    migrates: bool, starting: str
) -> None:
    run, _ = make_run(bare(), migrates=migrates)
    assert [name for name in STARTING if list(phase(name, run))] == [starting]


def test_without_a_migration_all_machines_start_the_release_together() -> None:
    run, _ = make_run(bare(), settings=make_settings(migrate_command=None))
    assert [name for name in STARTING if list(phase(name, run))] == ["Start"]


ASK = (
    "/usr/local/lib/homeport/certbot certonly --non-interactive --no-directory-hooks --agree-tos --cert-name notes "
    "-d notes.example.com,www.example.com --server https://acme-v02.api.letsencrypt.org/directory "
    "--renew-with-new-domains --keep-until-expiring --key-type ecdsa --elliptic-curve"
)
CURVE, NOBODY = "secp256r1", "--register-unsafely-without-email"
WEBROOT = "--webroot --webroot-path /var/www/homeport-acme"
DNS = {
    "acme_dns_plugin": "certbot-dns-rfc2136",
    "acme_dns_requirements_file": "plugin.txt",
    "acme_dns_credentials_file": "dns.ini",
    "acme_dns_propagation_seconds": 5,
}
BY_DNS = (
    "--authenticator dns-rfc2136 --dns-rfc2136-credentials /etc/homeport/notes/acme-dns.ini "
    "--dns-rfc2136-propagation-seconds 5"
)


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ({}, f"{CURVE} {WEBROOT} {NOBODY}"),
        ({"acme_email": "ops@example.com"}, f"{CURVE} {WEBROOT} --email ops@example.com"),
        ({"acme_profile": "shortlived"}, f"{CURVE} --required-profile shortlived {WEBROOT} {NOBODY}"),
        ({"acme_key_curve": "secp384r1"}, f"secp384r1 {WEBROOT} {NOBODY}"),
        (DNS, f"{CURVE} {BY_DNS} {NOBODY}"),
    ],
)
def test_a_certificate_is_asked_for_all_names_at_once(data: dict[str, Any], options: str) -> None:
    run, _ = make_run(bare(), settings=make_settings(**data))
    [begun] = phase("Request", run)
    assert begun.get_raw_value().endswith(f" homeport-request notes '{ASK} {options}'")
    [command] = phase("Certificate", run)
    url, names = "https://acme-v02.api.letsencrypt.org/directory", "notes.example.com,www.example.com"
    assert command.get_raw_value().endswith(f" homeport-certificate notes {url} {names} '{ASK} {options}'")


def test_while_a_certificate_is_served_another_is_asked_for_last() -> None:
    # Certbot would put the new one in its place at once, and the release that goes with it may fail.
    found = as_wanted(WANTED)
    assert found.certificate
    run, _ = make_run(replace(found, certificate=replace(found.certificate, domains=frozenset({"old.example.com"}))))
    assert list(phase("Request", run)) == []
    [command] = phase("Certificate", run)
    assert ASK in command.get_raw_value()


def test_an_authority_that_has_answered_meanwhile_is_not_asked_again() -> None:
    found = as_wanted(WANTED)
    placeholder = replace(found.paths[AppPaths("notes").tls], target=AppPaths("notes").placeholder)
    run, _ = make_run(replace(found, paths={**found.paths, AppPaths("notes").tls: placeholder}))
    assert list(phase("Request", run)) == []
    [command] = phase("Certificate", run)
    assert command.get_raw_value().endswith(" notes.example.com,www.example.com ''")


def test_phases_come_in_an_order_in_which_each_finds_what_it_needs() -> None:
    assert NAMES.index("Packages") < NAMES.index("Accounts") < NAMES.index("Files") < NAMES.index("Tools")
    assert NAMES.index("Tools") < NAMES.index("Dependencies") < NAMES.index("Start first") < NAMES.index("Start")
    assert NAMES.index("Start") < NAMES.index("Switch")
    assert NAMES.index("Release") < NAMES.index("Dependencies")
    # The proxy answers the authority, through the firewall.
    assert NAMES.index("Services") < NAMES.index("Access") < NAMES.index("Request") < NAMES.index("Certificate")
    assert NAMES.index("Switch") < NAMES.index("Prune")
    assert NAMES[-1] == "Certificate"
