"""Runs uv on this machine: to resolve what an application leaves open, and to install the tools that export locks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

from homeport.state.paths import SYSTEM_CA_FILE


def uv_program() -> str | None:
    """Return the uv that comes with homeport, or else the one that is on the path; None where there is none."""
    ours = Path(sysconfig.get_path("scripts")) / "uv"
    return str(ours) if ours.exists() else shutil.which("uv")


def run_uv(
    words: Iterable[str], *, folder: str = ".", secrets: Mapping[str, str] | None = None, longest_seconds: float
) -> tuple[int, str, str]:
    """Return exit status, output and error output of `uv WORDS`, run in `folder` with `secrets` as variables.

    It loads no Python, and ends with status 1 after `longest_seconds`, and where it is not installed.
    """
    own = {"UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_PYTHON": sys.executable}
    trust = {"SSL_CERT_FILE": SYSTEM_CA_FILE} if Path(SYSTEM_CA_FILE).exists() else {}
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    try:
        done = subprocess.run(
            [uv_program() or "uv", *words],
            cwd=folder,
            env={**trust, **inherited, **(secrets or {}), **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=longest_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, "", f"uv took longer than {longest_seconds:g} s"
    except OSError as error:
        return 1, "", str(error)
    return done.returncode, done.stdout, done.stderr
