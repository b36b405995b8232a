"""Certbot as homeport runs it: with the machine's proxy, and without the defaults that others have set for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from homeport.rendering.rendering import render
from homeport.state.paths import SYSTEM_CA_FILE, TOOLS

MAIN = """
import json, os, sys
from certbot._internal import constants
def main(arguments):
    print(json.dumps([arguments, dict(os.environ), constants.CLI_DEFAULTS]))
"""


@pytest.fixture
def started(tmp_path: Path) -> Any:
    """Return what runs the launcher with a stand-in for Certbot, and gives its arguments, environment and defaults."""
    package = tmp_path / "certbot/_internal"
    package.mkdir(parents=True)
    (package / "constants.py").write_text('CLI_DEFAULTS = {"config_files": ["/etc/letsencrypt/cli.ini"]}\n')
    (tmp_path / "certbot/main.py").write_text(MAIN)

    def start(cli: str = "", environment: str = "", **variables: str) -> Any:
        (tmp_path / "cli.ini").write_text(cli)
        (tmp_path / "environment").write_text(environment)
        text = render("certbot/launcher", None, ca_file=SYSTEM_CA_FILE, tools=TOOLS)
        text = text.replace("/etc/letsencrypt/cli.ini", f"{tmp_path}/cli.ini")
        program = tmp_path / "launcher"
        program.write_text(text.replace("/etc/environment", f"{tmp_path}/environment"))
        command = [sys.executable, str(program), "renew", "--cert-name", "notes"]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return start


def test_it_is_the_pinned_one_and_nobodys_python_variables_reach_it() -> None:
    text = render("certbot/launcher", None, ca_file=SYSTEM_CA_FILE, tools=TOOLS)
    assert text.startswith("#!/usr/local/lib/homeport/tools/bin/python -I\n")


def test_defaults_of_others_are_not_followed_but_for_what_the_account_and_the_chain_need(started: Any) -> None:
    cli = "# ours\nauthenticator = standalone\npre-hook = systemctl stop nginx\n"
    cli += "eab-kid = k1\neab_hmac_key: s3\nmax-log-backups = 0\n"
    arguments, _, defaults = started(cli)
    assert arguments[:3] == ["renew", "--cert-name", "notes"]
    assert arguments[3:] == ["--eab-kid=k1", "--eab-hmac-key=s3", "--max-log-backups=0"]
    assert defaults["config_files"] == []


def test_the_proxy_is_the_one_of_the_machine_unless_it_is_given(started: Any) -> None:
    machine = 'PATH="/opt/bin"\nexport https_proxy="http://proxy:3128"\nNO_PROXY=localhost\nUV_INDEX_URL=http://x\n'
    _, environment, _ = started(environment=machine, PATH="/opt/python/bin")
    assert (environment["https_proxy"], environment["NO_PROXY"]) == ("http://proxy:3128", "localhost")
    assert environment["PATH"] == "/usr/sbin:/usr/bin:/sbin:/bin"
    assert environment["REQUESTS_CA_BUNDLE"] == SYSTEM_CA_FILE
    assert "UV_INDEX_URL" not in environment
    assert started(environment=machine, https_proxy="http://other")[1]["https_proxy"] == "http://other"
