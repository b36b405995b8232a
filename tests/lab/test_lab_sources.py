"""Which of the machine's apt sources a host gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.errors import LabError
from homeport.lab import recipe
from homeport.lab.sources import Source, for_suite, parse, read

DEB822 = """\
# a comment before
Types: deb deb-src
URIs: http://mirror.test/debian
# in the middle
Suites: bookworm
 bookworm-updates
Components: main non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.test/security
Suites: bookworm-security
Components: main
Enabled: no

Types: deb-src
URIs: http://mirror.test/debian
Suites: bookworm
Components: main
"""


def test_deb822_stanzas_with_folded_values_and_comments_are_read() -> None:
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    expected = Source(
        "http://mirror.test/debian", ("bookworm", "bookworm-updates"), ("main", "non-free-firmware"), keyring
    )
    assert parse("debian.sources", DEB822) == [expected]


def test_an_inline_key_is_not_taken_for_a_path() -> None:
    inline = "Types: deb\nURIs: http://a.test\nSuites: x\nComponents: main\nSigned-By:\n -----BEGIN PGP\n .\n abc\n"
    assert parse("a.sources", inline)[0].signed_by == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("deb http://m.test/debian bookworm main", [Source("http://m.test/debian", ("bookworm",), ("main",))]),
        (
            "deb [arch=amd64 signed-by=/etc/apt/keyrings/k.gpg] https://m.test/d bookworm main contrib # note",
            [Source("https://m.test/d", ("bookworm",), ("main", "contrib"), "/etc/apt/keyrings/k.gpg")],
        ),
        ("deb-src http://m.test/debian bookworm main", []),
        ("# deb http://m.test/debian bookworm main", []),
        ("", []),
    ],
)
def test_one_line_sources_are_read(line: str, expected: list[Source]) -> None:
    assert parse("sources.list", line + "\n") == expected


def test_files_that_apt_ignores_are_ignored() -> None:
    assert parse("debian.sources.disabled", DEB822) == []


def test_another_suite_comes_from_the_same_mirrors_under_its_own_name() -> None:
    sources = [
        Source("http://m.test/debian", ("bookworm", "bookworm-updates"), ("main",)),
        Source("http://m.test/security", ("bookworm-security",), ("main",)),
    ]
    changed = for_suite(sources, "bookworm", "trixie")
    assert [source.suites for source in changed] == [("trixie", "trixie-updates"), ("trixie-security",)]
    assert [source.uri for source in changed] == [source.uri for source in sources]


def test_other_vendors_repositories_and_local_mirrors_are_left_out() -> None:
    strangers = [
        Source("https://vendor.test/apt", ("vendor-bookworm",), ("main",)),
        Source("https://vendor.test/linux", ("bookworm",), ("stable",)),
        Source("file:///srv/mirror", ("bookworm",), ("main",)),
    ]
    assert for_suite(strangers, "bookworm", "bookworm") == []


def test_the_name_stable_means_the_machines_own_release() -> None:
    assert for_suite([Source("http://m.test", ("stable",), ("main",))], "bookworm", "bookworm")[0].suites == (
        "bookworm",
    )


def test_a_machine_without_a_debian_mirror_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="name no Debian mirror"):
        read("bookworm", root=tmp_path)


def test_another_systems_release_is_not_taken_for_debians(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc/apt").mkdir(parents=True)
    (tmp_path / "etc/os-release").write_text("ID=ubuntu\nVERSION_CODENAME=noble\n")
    (tmp_path / "etc/apt/sources.list").write_text("deb http://m.test/ubuntu noble main universe\n")
    with pytest.raises(LabError, match="HOMEPORT_LAB_MIRROR"):
        read("bookworm", root=tmp_path)
    monkeypatch.setenv("HOMEPORT_LAB_MIRROR", "http://m.test/debian")
    (source,) = read("bookworm", root=tmp_path)
    assert (source.uri, source.suites) == ("http://m.test/debian", ("bookworm", "bookworm-updates"))


def test_all_of_the_machines_files_are_read_and_what_they_repeat_counts_once(tmp_path: Path) -> None:
    folder = tmp_path / "etc/apt/sources.list.d"
    folder.mkdir(parents=True)
    (tmp_path / "etc/os-release").write_text('ID=debian\nVERSION_CODENAME="bookworm"\n')
    (tmp_path / "etc/apt/sources.list").write_text(
        "deb http://one.test bookworm main\ndeb http://one.test bookworm main\n"
    )
    (folder / "two.sources").write_text("Types: deb\nURIs: http://two.test\nSuites: bookworm\nComponents: main\n")
    found = read("trixie", root=tmp_path)
    assert [(source.uri, source.suites) for source in found] == [
        ("http://one.test", ("trixie",)),
        ("http://two.test", ("trixie",)),
    ]


def test_a_stanza_reads_back_as_itself() -> None:
    source = Source("http://m.test/debian", ("bookworm", "bookworm-updates"), ("main",), "/usr/share/k.gpg")
    assert parse("x.sources", source.stanza()) == [source]


def test_a_lab_inside_another_trusts_its_own_authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / recipe.AUTHORITY).write_text("the outer lab's")
    (tmp_path / "company.crt").write_text("the company's")
    authority = tmp_path / "ca.pem"
    authority.write_text("its own")
    monkeypatch.setattr(recipe, "CERTIFICATES", tmp_path)
    monkeypatch.setattr(recipe, "root_certificate", lambda: authority)
    files = [file for file in recipe._base_files([], "") if file.path.startswith(f"{tmp_path}/")]
    assert {Path(file.path).name: file.content for file in files} == {
        recipe.AUTHORITY: b"its own",
        "company.crt": b"the company's",
    }
    assert len(files) == 2
