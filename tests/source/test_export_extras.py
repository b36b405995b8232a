"""What Poetry's export leaves out is put back."""

from __future__ import annotations

import pytest

from homeport.source.export_extras import with_extras

EXPORTED = (
    "fastapi==0.111.0 --hash=sha256:aa\nuvicorn==0.30.1 --hash=sha256:bb\nuvicorn[standard]==0.30.1 --hash=sha256:bb\n"
)
MARKER = "(sys_platform != 'win32' and sys_platform != 'cygwin') and extra == 'standard'"
LOCK = """[[package]]
name = "uvicorn"
version = "0.30.1"

[package.dependencies]
click = ">=7"
colorama = {{version = "*", optional = true, markers = "sys_platform == 'win32' and extra == 'standard'"}}
uvloop = {{version = "*", optional = true, markers = "{marker}"}}

[package.extras]
standard = ["colorama (>=0.4)", "uvloop (>=0.14.0,!=0.15.0)", "gone (>=1)"]

[[package]]
name = "colorama"
version = "0.4"
files = []

[[package]]
name = "uvloop"
version = "0.19.0"
files = [{{file = "uvloop-0.19.0.tar.gz", hash = "sha256:cc"}}, {{file = "b.whl", hash = "sha256:dd"}}]
"""
ADDED = 'uvloop==0.19.0 ; sys_platform == "linux" --hash=sha256:cc --hash=sha256:dd\n'


def test_a_requirement_of_an_extra_that_is_not_there_is_added_with_its_hashes() -> None:
    assert with_extras(EXPORTED, LOCK.format(marker=MARKER)) == EXPORTED + ADDED


def test_files_may_be_in_the_lock_s_metadata() -> None:
    start, _, files = LOCK.format(marker=MARKER).rpartition("files = ")
    lock = f"{start}\n[metadata.files]\nuvloop = {files}"
    assert with_extras(EXPORTED, lock) == EXPORTED + ADDED


@pytest.mark.parametrize(
    "exported",
    [
        EXPORTED + 'uvloop==0.19.0 ; sys_platform != "win32" --hash=sha256:cc\n',
        EXPORTED.replace("uvicorn[standard]", "uvicorn"),
        EXPORTED.replace("[standard]", "[other]"),
    ],
)
def test_nothing_is_added_to_what_is_whole(exported: str) -> None:
    assert with_extras(exported, LOCK.format(marker=MARKER)) == exported


@pytest.mark.parametrize("marker", ["sys_platform == 'darwin' and extra == 'standard'", "no marker", "extra == 'x'"])
def test_what_linux_does_not_need_is_not_added(marker: str) -> None:
    assert with_extras(EXPORTED, LOCK.format(marker=marker)) == EXPORTED
