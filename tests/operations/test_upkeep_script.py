"""The program that brings kernel and log settings into effect, really run; what it calls are stand-ins."""

from __future__ import annotations

import subprocess
from pathlib import Path

from homeport.controller.folders import TEMPLATES


def test_the_owners_kernel_settings_come_after_ours_whatever_their_file_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "etc/sysctl.d"
    folder.mkdir(parents=True)
    (folder / "60-homeport.conf").write_text("# ours\n-net.core.somaxconn = 4096\n-kernel.yama.ptrace_scope = 1\n")
    for name in ("30-theirs.conf", "99-theirs.conf"):
        (folder / name).write_text("net.core.somaxconn = 77\n")
    (tmp_path / "systemd-sysctl").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "systemd-sysctl").chmod(0o755)
    program = (TEMPLATES / "upkeep" / "upkeep").read_text()
    for place, stand_in in (
        ("/lib/systemd/systemd-sysctl", f"{tmp_path}/systemd-sysctl"),
        ("/etc/sysctl", f"{tmp_path}/etc/sysctl"),
        ("/usr/local/lib/sysctl.d", f"{tmp_path}/none"),
        ("/run/sysctl.d", f"{tmp_path}/none"),
        ("systemctl try-restart logrotate.timer", "exit 0"),
    ):
        assert place in program
        program = program.replace(place, stand_in)
    done = subprocess.run(["sh", "-c", program, "upkeep", "0123", "none"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        # No other key of the owner's files is touched.
        "--prefix=net/core/somaxconn",
        "--prefix=kernel/yama/ptrace_scope",
        *(f"{folder}/{name}" for name in ("60-homeport.conf", "30-theirs.conf", "99-theirs.conf")),
    ]
