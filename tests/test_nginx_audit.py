"""What gixy, a kept analyser of Nginx's configuration, says of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from homeport.state.snapshot import MachineFound
from tests import edge_checks as checks
from tests.lab.artefacts import keep
from tests.nginx_sites import BY_DNS, files, write
from tests.state.builders import make_settings

GIXY = Path(sys.executable).with_name("gixy")
LOCATION = """{{% extends "homeport/nginx/site.conf" %}}
{{% block server %}}
    location /reports/ {{
        root /srv/reports;
        add_header Cache-Control no-store always;
{include}    }}
{{% endblock %}}
"""
INCLUDE = '{% include "nginx/headers.conf" %}\n'


def gixy(folder: Path, *, overrides: Path | None = None, os_version: str = "12", **data: object) -> tuple[int, str]:
    """Have gixy read what is rendered for two applications on one machine; return its status and its words."""
    sites = [make_settings(**data), make_settings(app_name="other", domain="other.example.com", domain_aliases=())]
    main = write(folder, files(sites, MachineFound("debian", os_version), overrides))
    (folder / "mime.types").write_text("types { text/html html; }\n")
    # A cache of open files would go on serving what a switch has taken away.
    skips = ("--skips", "try_files_is_evil_too")
    done = subprocess.run([str(GIXY), "-f", "text", *skips, str(main)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("os_version", ["12", "13"])
@pytest.mark.parametrize("profile", ["intermediate", "modern"])
def test_gixy_finds_nothing(tmp_path: Path, profile: str, os_version: str) -> None:
    status, said = gixy(tmp_path / "nginx", os_version=os_version, tls_profile=profile, standby=True)
    keep(f"gixy-{profile}-{os_version}.txt", said)
    assert "No issues found" in said
    assert status == 0


@pytest.mark.parametrize("api_paths", [None, ["/api", "/docs.x"]])
def test_gixy_finds_nothing_where_files_are_served(tmp_path: Path, api_paths: list[str] | None) -> None:
    spa = {"/": "b", "/admin": "c"}
    status, said = gixy(tmp_path / "nginx", static={"/static": "a"}, spa=spa, api_paths=api_paths)
    assert "No issues found" in said, said
    assert status == 0


def test_gixy_finds_nothing_in_names_with_a_star_and_brotli(tmp_path: Path) -> None:
    status, said = gixy(
        tmp_path, served_domains="*.a.example.com", domain_aliases="*.b.example.com", **BY_DNS, brotli=True
    )
    assert "No issues found" in said, said
    assert status == 0


def test_gixy_finds_nothing_in_the_edges_of_a_site(tmp_path: Path) -> None:
    for number, edges in enumerate(({**checks.OPEN, **checks.CLOSED}, checks.OPEN)):
        data = {"trusted_proxies": ["192.0.2.0/24"], "served_domains": "shop.example.com", **edges}
        status, said = gixy(tmp_path / str(number), **data)
        assert "No issues found" in said, said
        assert status == 0


@pytest.mark.parametrize("included", [True, False])
def test_a_location_of_an_override_that_adds_a_header_keeps_ours_by_including_them(
    tmp_path: Path, included: bool
) -> None:
    override = tmp_path / "overrides" / "nginx" / "site.conf"
    override.parent.mkdir(parents=True)
    override.write_text(LOCATION.format(include=INCLUDE if included else ""))
    status, said = gixy(tmp_path / "nginx", overrides=tmp_path / "overrides")
    assert ("add_header_redefinition" in said) == (not included), said
    assert (status == 0) == included
