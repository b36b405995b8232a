"""What a user brings for the certificate is read and checked on this machine, in one line and without the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.certificates.provided import load_certificate, load_dns_credentials, load_dns_requirements
from homeport.errors import UsageError
from homeport.settings.loading import SettingsError, load
from tests.certificates.pairs import Authority
from tests.state.builders import make_settings

FILES = {"tls": "files", "tls_certificate_file": "chain.pem", "tls_key_file": "key.pem"}
PLUGIN = {
    "acme_dns_plugin": "certbot-dns-rfc2136",
    "acme_dns_requirements_file": "plugin.txt",
    "acme_dns_credentials_file": "dns.ini",
}


def refusal(folder: Path, **data: object) -> str:
    with pytest.raises(UsageError) as caught:
        load_certificate(make_settings(**data), folder, "web1")
    line = caught.value.line()
    assert "\n" not in line
    return line


def test_a_pair_is_read_from_the_project(tmp_path: Path) -> None:
    pair = Authority().issue("notes.example.com", "www.example.com")
    (tmp_path / "chain.pem").write_text(pair.chain)
    (tmp_path / "key.pem").write_text(pair.key)
    assert load_certificate(make_settings(**FILES), tmp_path) == pair
    assert load_certificate(make_settings(), tmp_path) is None


def test_a_wrong_provided_certificate_is_one_line_with_host_and_setting(tmp_path: Path) -> None:
    pair = Authority().issue("notes.example.com")
    assert refusal(tmp_path, **FILES).startswith(f"web1: tls_certificate_file: {tmp_path}/chain.pem cannot be read; ")
    (tmp_path / "chain.pem").write_text(pair.chain)
    (tmp_path / "key.pem").write_bytes(b"\xff\x00")
    assert refusal(tmp_path, **FILES).startswith("web1: tls_key_file: ")
    (tmp_path / "key.pem").write_text(pair.key)
    line = refusal(tmp_path, **FILES)
    assert line.startswith("web1: tls_certificate_file: it is for notes.example.com, and not for www.example.com; ")
    assert not any(part in line for part in pair.key.splitlines())


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"tls": "files"}, "needs tls_certificate_file and tls_key_file"),
        ({**FILES, "tls_key_file": "None"}, "needs tls_certificate_file and tls_key_file"),
        ({**FILES, "tls": "acme"}, 'are for tls = "files"'),
        ({"acme_dns_plugin": "certbot-dns-x"}, "needs acme_dns_requirements_file and acme_dns_credentials_file"),
        ({"acme_dns_credentials_file": "x"}, "are for acme_dns_plugin"),
        ({**PLUGIN, "acme_dns_plugin": "certbot"}, "acme_dns_plugin"),
    ],
)
def test_settings_that_belong_together_stand_together(data: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({"app_name": "notes", "domain": "notes.example.com", **data}, "web1")
    [error] = caught.value.problems
    assert problem in error.line()


def test_a_plugin_without_a_lock_is_refused_and_told_how_to_make_one(tmp_path: Path) -> None:
    settings = make_settings(**PLUGIN)
    (tmp_path / "plugin.txt").write_text("certbot-dns-rfc2136==5.8.0\n")
    with pytest.raises(UsageError, match=r"is not pinned with == and a hash; .*--generate-hashes"):
        load_dns_requirements(settings, tmp_path)
    with pytest.raises(UsageError, match=r"acme_dns_credentials_file: .*dns.ini cannot be read"):
        load_dns_credentials(settings, tmp_path)
    assert load_dns_requirements(make_settings(), tmp_path) == load_dns_credentials(make_settings(), tmp_path) == ""
