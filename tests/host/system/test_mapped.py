from __future__ import annotations

import os
from pathlib import Path

from homeport.host.system.mapped import replaced

MAPS = """\
55d0c0e00000-55d0c0f00000 r-xp 00024000 fe:00 1311 /usr/sbin/nginx (deleted)
7f0000000000-7f0000100000 r-xp 00000000 fe:00 1312 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f0000100000-7f0000200000 r--p 00100000 fe:00 1312 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f0000200000-7f0000300000 r-xp 00000000 fe:00 1313 /usr/lib/x86_64-linux-gnu/libc.so.6
7f0000300000-7f0000400000 r--p 00000000 fe:00 1314 /usr/share/locale/locale.mo (deleted)
7f0000400000-7f0000500000 rw-s 00000000 00:01 1315 /dev/zero (deleted)
7f0000500000-7f0000600000 rwxp 00000000 00:00 0
"""


def test_what_is_executed_and_was_replaced_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/maps").write_text(MAPS)
    assert replaced(7, tmp_path) == ["/usr/lib/x86_64-linux-gnu/libssl.so.3", "/usr/sbin/nginx"]


def test_a_process_that_ended_runs_nothing(tmp_path: Path) -> None:
    assert replaced(7, tmp_path) == []


def test_this_process_runs_what_is_on_the_disk() -> None:
    assert replaced(os.getpid()) == []
