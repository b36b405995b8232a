"""What the host tells of its slots, and of the release that is to go live."""

from hashlib import sha256
from pathlib import Path

from homeport.host.reports.deploy_facts import memory, uploaded
from homeport.host.system.layout import Layout
from homeport.host.system.unit_processes import UnitMemory
from tests.host.release.described import describe


def test_workers_are_counted_apart_from_the_manager_and_its_helpers() -> None:
    assert memory(UnitMemory(268, {3: 100, 4: 120})) == (268, 220, 2)


def test_a_lone_worker_is_the_main_process() -> None:
    assert memory(UnitMemory(93, {})) == (93, 93, 1)
    assert memory(UnitMemory(0, {})) == (0, 0, 1)


def test_a_release_that_is_there_is_told_with_what_it_was_made_for_and_the_digests_of_its_files(tmp_path: Path) -> None:
    layout = Layout("notes", tmp_path)
    release = describe(layout, "one", workers=3, has_migration=True)
    (release.files / "site.conf").write_text("server {}\n")
    digests = {path.name: sha256(path.read_bytes()).hexdigest() for path in release.files.iterdir()}
    assert list(uploaded(layout, "one")) == [
        ("coming", 3, "migrates"),
        ("coming_file", "release.json", digests["release.json"]),
        ("coming_file", "site.conf", digests["site.conf"]),
    ]
    assert list(uploaded(layout, "two")) == []
