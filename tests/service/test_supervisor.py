"""The programs of a release that supervisord runs: what the units of the same release say, said to another manager."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from homeport.host.services import program_files
from homeport.service.release import wanted_release
from homeport.service.units import release_units, supervision
from tests.service.kept_units import CASES, Case, context

REFUSED = {"timers", "oom_policy"}
SUPERVISED = [
    name
    for name, case in CASES.items()
    if not REFUSED & set(case.settings) and case.settings.get("sandbox_proc") != "own" and case.overrides is None
]
PROGRAMS = {"server": "notes@blue", "migrate": "notes-migrate@blue", "extra.worker": "notes.worker@blue"}
HASH_AND_SEMICOLON = Case({"processes": {"worker": "a; b # 100% %i"}})


def release(case: Case, supervisor: str = "supervisor") -> dict[str, str]:
    given = context(case._replace(settings={**case.settings, "supervisor": supervisor}))
    wanted = wanted_release(given)
    return release_units(given, wanted.id, wanted.workers)


def content(files: dict[str, str]) -> dict[str, Any]:
    return dict(json.loads(files["programs.json"]))


def of_the_unit(text: str) -> dict[str, str]:
    """Return the variables that a unit's lines set."""
    words = [word for line in re.findall(r"^Environment=(.+)$", text, re.M) for word in shlex.split(line)]
    return {name: value.replace("%i", "@SLOT@") for name, _, value in (word.partition("=") for word in words)}


@pytest.mark.parametrize("name", SUPERVISED)
def test_the_server_has_the_variables_of_its_unit(name: str) -> None:
    files = release(CASES[name])
    programs = content(files)
    assert {**programs["environment"], **programs["server"]["environment"]} == of_the_unit(files["app.service"])


@pytest.mark.parametrize("name", SUPERVISED)
def test_the_server_has_the_command_of_its_unit(name: str) -> None:
    files = release(CASES[name])
    line = next(re.finditer(r"^ExecStart=(.+)$", files["app.service"], re.M))[1]
    expected = line.replace("%i", "@SLOT@").replace("${HOMEPORT_PORT}", "@PORT@")
    words = content(files)["server"]["command"]
    if not set(line) & set("\"'\\"):
        assert words == expected.split()
    assert words[0] == expected.split()[0]


@pytest.mark.parametrize("name", SUPERVISED)
def test_the_units_themselves_are_as_without_supervisord(name: str) -> None:
    files, plain = release(CASES[name]), release(CASES[name], "systemd")
    # But for the release's id, which is another one.
    assert {key for key in files if "supervisor" not in key} - {"programs.json"} == set(plain)
    unmarked = [re.sub(r"release [0-9a-f]+|HOMEPORT_RELEASE=\w+", "", one["app.service"]) for one in (files, plain)]
    assert unmarked[0] == unmarked[1]


def test_a_release_of_systemds_has_no_programs() -> None:
    given = context(CASES["sample"])
    assert not any("supervisor" in name or name == "programs.json" for name in release_units(given, "r1", 1))
    assert supervision(given).packages == ()


def test_limits_of_memory_processors_and_addresses_are_the_scopes() -> None:
    settings = {"memory_max_megabytes": 512, "cpu_max": 1.5, "sandbox_network": "local"}
    properties = content(release(Case(settings)))["server"]["properties"]
    assert {"MemoryMax=512M", "IPAddressDeny=any", "IPAddressAllow=localhost"} <= set(properties)
    assert any(one.startswith("Slice=") for one in properties)


def test_a_command_with_the_signs_of_a_comment_is_in_no_file_of_supervisords() -> None:
    files = release(HASH_AND_SEMICOLON)
    assert content(files)["processes"]["worker"]["command"] == ["/bin/sh", "-euc", "a; b # 100% %i"]
    assert "100%" not in files["supervisor.extra.worker.conf"]


def test_supervisords_files_are_whole_for_a_slot() -> None:
    files = release(HASH_AND_SEMICOLON)
    for name, program in PROGRAMS.items():
        # As supervisord reads them (supervisor/options.py, UnhosedConfigParser).
        parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
        parser.read_string(program_files.of_slot(files[f"supervisor.{name}.conf"], "blue"))
        section = parser[f"program:{program}"]
        assert section["command"] == f"/usr/local/lib/homeport/homeport-host run-program {program}.service"
        assert (section["autostart"], section["startsecs"]) == ("false", "0")
        assert section["autorestart"] == ("false" if name == "migrate" else "true")


def test_a_lone_sign_of_percent_stays_doubled() -> None:
    assert program_files.of_slot("%i %%i 100%%", "green") == "green %%i 100%%"


def test_supervisord_comes_with_its_own_rule_of_restart(tmp_path: Path) -> None:
    part = supervision(context(Case({"supervisor": "supervisor"})))
    assert part.packages == ("supervisor",)
    assert [unit.name for unit in part.units] == ["supervisor.service"]
    assert "Restart=always" in part.files[0].content
