from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatch
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import HomeportError
from homeport.machine.platform import ARCHITECTURES, SUPPORTED
from homeport.state.changes import Change
from homeport.state.query import query
from homeport.state.snapshot import MachineFound
from homeport.state.wanted import Account, Directory, File, FileSet, Part, Unit, merge

from .builders import make_settings, make_wanted

MACHINES = st.builds(
    lambda system, **rest: MachineFound(system[0], system[1], **rest),
    st.sampled_from(sorted(SUPPORTED)),
    architecture=st.sampled_from(sorted(ARCHITECTURES)),
    cores=st.integers(1, 256),
    memory_megabytes=st.integers(128, 10**6),
    ipv6=st.booleans(),
)


def test_parts_are_added_up_in_their_order() -> None:
    first = Part(packages=("b", "a"), directories=(Directory("/x"),), units=(Unit("a.service"),))
    second = Part(packages=("c", "a"), files=(File("/x/y", ""),), absent=("/z",))
    merged = merge((first, second))
    assert merged.packages == ("b", "a", "c")
    assert merged == replace(merged, directories=(Directory("/x"),), files=(File("/x/y", ""),), absent=("/z",))
    assert merge(()) == Part()


def test_two_steps_may_want_the_same_thing() -> None:
    part = Part(directories=(Directory("/x", 0o700),), files=(File("/y", "a"),), accounts=(Account("a", "/h"),))
    assert merge((part, part)) == part


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Part(files=(File("/x", "a"),)), Part(files=(File("/x", "b"),))),
        (Part(files=(File("/x", "a"),)), Part(files=(File("/x", "a", mode=0o600),))),
        (Part(files=(File("/x", "a"),)), Part(files=(File("/x", "a", secret=True),))),
        (Part(directories=(Directory("/x"),)), Part(directories=(Directory("/x", owner="notes"),))),
        (Part(accounts=(Account("/x", "/a"),)), Part(accounts=(Account("/x", "/b"),))),
        (Part(files=(File("/x", ""),)), Part(directories=(Directory("/x"),))),
        (Part(files=(File("/x", ""),)), Part(absent=("/x",))),
        (Part(directories=(Directory("/x"),)), Part(absent=("/x",))),
    ],
)
def test_two_steps_that_want_different_things_of_one_path_are_refused(first: Part, second: Part) -> None:
    for parts in ((first, second), (second, first)):
        with pytest.raises(HomeportError, match=r"^/x: two steps want different things of this path$"):
            merge(parts)


@given(MACHINES)
def test_what_is_read_does_not_depend_on_the_machine(machine: MachineFound) -> None:
    # All but whether root may log in: the reading itself puts that in as the host has it.
    asked = query(make_wanted(machine=machine))
    drop_in = re.sub(
        "^PermitRootLogin .*$", "PermitRootLogin prohibit-password", asked.sshd_drop_in, flags=re.MULTILINE
    )
    assert replace(asked, sshd_drop_in=drop_in or query(make_wanted()).sshd_drop_in) == query(make_wanted())


@given(MACHINES)
def test_the_release_has_the_same_id_on_every_machine(machine: MachineFound) -> None:
    assert make_wanted(machine=machine).release.id == make_wanted().release.id


def test_everything_that_is_wanted_is_read() -> None:
    wanted = make_wanted(make_settings(packages="imagemagick", port_blue=9001))
    asked, part = query(wanted), wanted.part
    assert {one.path for one in part.directories} | {one.path for one in part.files} <= set(asked.paths)
    assert set(part.absent) <= set(asked.paths)
    assert set(part.packages) <= set(asked.packages)
    assert "imagemagick" in asked.packages
    assert {one.name for one in part.accounts} <= set(asked.accounts)
    # An instance is among all of its template.
    assert all(any(fnmatch(one.name, name) for name in asked.units) for one in part.units)
    assert {"notes@blue.service", "notes@green.service"} <= set(asked.units)
    assert {80, 443, 9001, 8002} == set(asked.ports)


def test_every_directory_comes_after_the_one_that_it_lies_in() -> None:
    paths = [one.path for one in make_wanted().part.directories]
    for position, path in enumerate(paths):
        parent = path.rpartition("/")[0]
        assert parent not in paths[position:], f"{path} stands before {parent}"


def test_every_file_lies_in_a_directory_that_is_wanted_or_comes_with_a_package() -> None:
    part = make_wanted().part
    there = {one.path for one in part.directories}
    there |= {"/etc/nginx", "/etc/ssh/sshd_config.d", "/etc/systemd/system", "/usr/local/bin"}
    assert {one.path.rpartition("/")[0] for one in part.files} <= there


def test_nothing_that_everybody_may_read_holds_a_secret() -> None:
    wanted = make_wanted()
    for file in (*wanted.part.files, *wanted.release.etc):
        if "s3ntinel" in file.content:
            assert file.secret
            assert file.mode & 0o007 == 0
    assert sum("s3ntinel" in file.content for file in wanted.release.etc) == 1


def test_a_file_belongs_to_a_known_set_and_its_digest_is_sha256() -> None:
    assert {one.file_set for one in make_wanted().part.files} <= set(get_args(FileSet))
    assert File("/x", "é").digest == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"


def test_a_change_reads_as_one_line() -> None:
    assert str(Change("write", "/etc/x", "missing")) == "write /etc/x (missing)"
    assert str(Change("write", "/etc/x")) == "write /etc/x"
