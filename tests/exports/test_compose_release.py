"""release.sh beside compose.yaml, with a stand-in for docker. What it does on an engine is tested in the lab."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from homeport.exports.engines import ENGINES
from homeport.exports.writing import write, write_secrets
from tests.exports.release_scripts import Scripted
from tests.exports.subjects import subject
from tests.service.kept_units import CASES, PROCESSES, Case
from tests.state.builders import SECRET

COMPOSE = ENGINES["compose"]
# Writes its words, one call a line. What runs is in files of $LOG: containers by service, and the proxy's own file.
STAND_IN = r"""#!/bin/sh
for word; do printf '%s ' "$word"; done >>"$LOG/calls"
echo "TAG=$TAG" >>"$LOG/calls"
case "$*" in
"compose version") [ -z "${OLD-}" ] ;;
"image inspect"*) [ -z "${NO_IMAGE-}" ] ;;
"ps "*) for one in app next proxy; do case "$*" in *service=$one*) [ ! -e "$LOG/$one" ] || echo "$one" ;; esac; done ;;
*" test -e /config/next") [ -e "$LOG/turned" ] ;;
*" touch /config/next") : >"$LOG/turned" ;;
*" rm -f /config/next") rm -f "$LOG/turned" ;;
*" run --rm "*) [ -z "${MIGRATION-}" ] || { echo "$MIGRATION" >&2; exit 1; } ;;
*" up "*) for one; do :; done; : >"$LOG/$one" ;;
*" rm --stop --force next") rm -f "$LOG/next" ;;
"inspect "*) for one; do :; done; case "$one" in "${BROKEN-none}") echo "1 starting" ;; *) echo "0 healthy" ;; esac ;;
*" logs "*) echo "the log of it" ;;
esac
"""


class Machine(Scripted):
    """The exported folder on a machine with Docker, what runs there, and what docker was told."""

    def __init__(self, folder: Path, case: Case = Case(), *, runs: str = "app proxy", secrets: bool = True):  # noqa: B008
        super().__init__(folder, {"docker": STAND_IN, "docker-compose": STAND_IN, "sleep": "#!/bin/sh\n"})
        write(self.folder, COMPOSE.files(subject(case)), COMPOSE.record, force=False)
        for name in runs.split():
            (self.log / name).touch()
        if secrets:
            write_secrets(self.folder, {"TOKEN": SECRET})

    def release(self, *words: str, **variables: str) -> tuple[int, list[str], str]:
        """Return the status, the calls that change something, and what was said."""
        status, calls, said = self.run(*words, **variables)
        told = [one for one in calls if one.startswith(("compose ", "--profile")) and "compose version" not in one]
        return status, [one for one in told if " test " not in one and " logs " not in one], said

    def runs(self) -> set[str]:
        """Return which services run, and "turned" while the proxy asks what stands in."""
        return {one.name for one in self.log.iterdir()} - {"calls"}


def steps(calls: list[str]) -> list[str]:
    """Return what each call was about."""
    kinds = {" run --rm ": "migrate", " touch ": "turn", " rm -f ": "turn back", " rm --stop ": "end next"}
    named = ((next((kind for words, kind in kinds.items() if words in call), ""), call) for call in calls)
    return [kind or f"{call.split()[-2]}" for kind, call in named]


def test_the_new_release_stands_in_while_the_application_is_replaced(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Case(PROCESSES))
    status, calls, said = machine.release("v2")
    assert status == 0, said
    order = ["migrate", "next", "proxy", "turn", "app", "proxy", "turn back", "end next", "mail"]
    assert steps(calls) == order
    assert {call.partition("TAG=")[2] for call in calls} == {"v2"}
    assert calls[0].startswith("compose --profile next run --rm -T --no-deps migrate ")
    assert "--force-recreate app" in calls[4]
    assert calls[-1].startswith("compose --profile next up --detach --no-deps worker mail ")
    assert machine.runs() == {"app", "proxy", "mail"}
    assert SECRET not in "".join(calls)


def test_the_way_back_does_not_migrate_and_debian_12s_program_does_it_too(tmp_path: Path) -> None:
    status, calls, said = Machine(tmp_path).release("--no-migration", "v1", OLD="yes")
    assert status == 0, said
    assert steps(calls) == ["next", "proxy", "turn", "app", "proxy", "turn back", "end next"]
    assert all(call.startswith("--profile next ") for call in calls)


def test_a_tag_may_have_its_digest(tmp_path: Path) -> None:
    status, calls, said = Machine(tmp_path).release("v1@sha256:0123")
    assert status == 0, said
    assert {call.partition("TAG=")[2] for call in calls} == {"v1@sha256:0123"}
    assert said.startswith("homeport: notes:v1@sha256:0123 for notes\n")


def test_a_first_release_has_nothing_to_stand_in_for(tmp_path: Path) -> None:
    machine = Machine(tmp_path, runs="")
    status, calls, said = machine.release("v1")
    assert status == 0, said
    assert steps(calls) == ["migrate", "app", "proxy", "end next"]
    assert machine.runs() == {"app", "proxy"}


def test_where_two_may_not_run_at_once_the_old_one_ends_first(tmp_path: Path) -> None:
    machine = Machine(tmp_path, Case({"switch": "restart"}))
    status, calls, said = machine.release("v2")
    assert status == 0, said
    assert steps(calls) == ["migrate", "app", "proxy"]
    files = COMPOSE.files(subject(Case({"switch": "restart"})))
    assert not [name for name, one in files.items() if "next:" in one.text or "@next" in one.text]
    assert Machine(tmp_path_of(tmp_path), Case({"switch": "restart"})).release("v2", BROKEN="app")[0] == 1


def tmp_path_of(folder: Path) -> Path:
    """Return a folder beside the files of another machine."""
    found = folder / "another"
    found.mkdir()
    return found


def test_a_release_that_is_not_healthy_is_not_live_and_its_log_is_shown(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    status, calls, said = machine.release("v2", BROKEN="next")
    assert status == 1
    assert said.endswith("notes:v2 did not become healthy: it is not live, and what served before goes on\n")
    assert "the log of it" in said
    assert "turn" not in steps(calls)
    assert machine.runs() == {"app", "proxy"}


def test_an_application_that_is_not_healthy_in_its_place_leaves_what_stands_in_serving(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    status, _, said = machine.release("v2", BROKEN="app")
    assert status == 1
    assert said.endswith("app did not become healthy: next goes on in its place; release again\n")
    assert {"next", "turned"} <= machine.runs()


def test_a_migration_that_fails_releases_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    status, calls, said = machine.release("v2", MIGRATION="no such table")
    assert status == 1
    assert "no such table" in said
    assert said.endswith("the migration failed: nothing was released, and what served before goes on\n")
    assert steps(calls) == ["migrate"]


def test_what_a_release_that_was_cut_off_left_serving_serves_until_the_application_does(tmp_path: Path) -> None:
    machine = Machine(tmp_path, runs="app next proxy turned")
    status, calls, said = machine.release("v3")
    assert status == 0, said
    assert steps(calls) == ["migrate", "app", "proxy", "turn back", "end next"]
    assert machine.runs() == {"app", "proxy"}


def test_a_file_of_a_release_whose_container_is_gone_is_taken_away_first(tmp_path: Path) -> None:
    status, calls, said = Machine(tmp_path, runs="app proxy turned").release("v3")
    assert status == 0, said
    assert steps(calls) == ["turn back", "migrate", "next", "proxy", "turn", "app", "proxy", "turn back", "end next"]


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        ((), {}, "a tag is missing: sh release.sh TAG"),
        (("latest",), {}, "latest may be another image tomorrow: give each image a tag of its own"),
        (
            ("sha256:0123",),
            {},
            "compose.yaml names an image by its tag: sh release.sh TAG@sha256:0123",
        ),
        (("v9",), {"NO_IMAGE": "yes"}, "there is no image notes:v9: TAG=v9 docker compose build"),
    ],
)
def test_what_is_missing_is_a_line_and_nothing_is_changed(
    words: tuple[str, ...], variables: dict[str, str], said: str, tmp_path: Path
) -> None:
    status, calls, found = Machine(tmp_path).release(*words, **variables)
    assert (status, found, calls) == (2, f"homeport: {said}\n", [])


def test_a_missing_secret_is_a_line(tmp_path: Path) -> None:
    status, calls, said = Machine(tmp_path, secrets=False).release("v1")
    assert (status, calls) == (2, [])
    assert said.startswith("homeport: the secret TOKEN is missing: put its value into secrets/TOKEN ")


@pytest.mark.parametrize("case", [*CASES.values(), Case({"switch": "restart"})], ids=[*CASES, "one at a time"])
def test_shellcheck_has_nothing_to_say(case: Case, tmp_path: Path) -> None:
    shellcheck = str(Path(sys.executable).with_name("shellcheck"))
    (tmp_path / "release.sh").write_text(COMPOSE.files(subject(case))["release.sh"].text)
    done = subprocess.run([shellcheck, str(tmp_path / "release.sh")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
