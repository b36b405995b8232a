"""The unit templates and their quoting, judged by systemd itself; the migration script, run by a shell."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homeport.rendering.filters import systemd_quote
from homeport.rendering.rendering import render
from homeport.servers import ServerChoice
from homeport.settings.sandbox import allowed_addresses
from tests.capabilities import systemd_verifies
from tests.unit_values import values

text = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30)
needs_systemd = pytest.mark.skipif(not systemd_verifies(), reason="systemd-analyze verifies nothing here")
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n", "\\t": "\t", "\\r": "\r"}


def read_back(word: str) -> str:
    """Return what systemd makes of a word of a command line; rules from systemd.service(5), systemd.syntax(7)."""
    inner = word[1:-1] if word.startswith('"') else word
    plain = re.sub(r'\\x([0-9a-f]{2})|\\[\\"ntr]', lambda m: chr(int(m[1], 16)) if m[1] else ESCAPES[m[0]], inner)
    return plain.replace("%%", "%").replace("$$", "$")


@given(text)
@example("100% $HOME ${X} 'single' \"double\" back\\slash ;")
@example("")
def test_a_quoted_word_means_itself(word: str) -> None:
    quoted = systemd_quote(word)

    assert read_back(quoted) == word
    assert quoted
    assert "\n" not in quoted
    assert quoted.startswith('"') == quoted.endswith('"')


@pytest.mark.parametrize("word", ["main.py", "app.main:app", "src/main.py", "--app"])
def test_a_plain_word_stays_plain(word: str) -> None:
    assert systemd_quote(word) == word


def test_a_zero_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="zero byte"):
        systemd_quote("a\0b")


@needs_systemd
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"has_migration": False, "memory_max_megabytes": 256},
        {"before_start": ("./fetch",), "before_start_seconds": 330},
        {
            "entrypoint": ("my app/main's.py", "--app", '$100%"\\'),
            "health": values()["health"] | {"path": "/h?a=%20&b=$c"},
        },
    ],
)
def test_systemd_finds_no_fault_with_the_units(tmp_path: Path, changes: dict[str, Any]) -> None:
    given_values = values(**changes)
    units = {"notes@blue.service": "systemd/app@.service"}
    if given_values["has_migration"]:
        units["notes-migrate@blue.service"] = "systemd/app-migrate@.service"
    for name, template in units.items():
        # Paths of a host, which this machine does not have, stand in by a program that exists everywhere.
        rendered = render(template, None, **given_values)
        (tmp_path / name).write_text(re.sub(r"(?m)^(Exec\w+=)\S+", r"\1/bin/true", rendered))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in units)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert [line for line in done.stderr.splitlines() if "notes" in line] == []
    assert done.returncode == 0


def test_the_command_is_the_one_that_the_guide_names() -> None:
    unit = render("systemd/app@.service", None, **values(entrypoint=("src/my app.py",)))

    assert (
        '\nExecStart=/srv/notes/slots/%i/.venv/bin/fastapi run "src/my app.py" --host 127.0.0.1 --port ${HOMEPORT_PORT}'
        " --workers 2 --proxy-headers\n"
    ) in unit
    # No option, which fastapi-cli has only from 0.0.10 on.
    assert "\nEnvironment=FORWARDED_ALLOW_IPS=127.0.0.1\n" in unit
    assert "\nRestart=always\n" in unit
    assert "\nUser=notes\n" in unit


def test_another_server_has_its_own_options() -> None:
    given = values(ServerChoice("uvicorn", worker_timeout_seconds=30), entrypoint=("app.main:create", "--factory"))
    assert (
        "/.venv/bin/uvicorn app.main:create --factory --host 127.0.0.1 --port ${HOMEPORT_PORT} --workers 2 "
        "--proxy-headers --timeout-worker-healthcheck 30\n"
    ) in render("systemd/app@.service", None, **given)


@pytest.mark.parametrize("template", ["app@.service", "app-migrate@.service"])
def test_every_unit_says_where_the_applications_own_code_is(template: str) -> None:
    slot = "/srv/notes/slots/%i"
    line = f"\nEnvironment=HOMEPORT_IMPORT_PATH={slot}/.homeport/packages:{slot}/src:{slot}\n"
    assert line in render(f"systemd/{template}", None, **values())


def test_a_unit_without_migration_does_not_ask_for_one() -> None:
    assert "migrate" not in render("systemd/app@.service", None, **values(has_migration=False))


def test_commands_before_the_start_have_room_in_its_time_out() -> None:
    stepped = values(before_start=("./fetch",), before_start_seconds=330, name="worker", command="true")
    for template, process, seconds in (("app@", "server", 60 + 15 + 330), ("app.process@", "worker", 15 + 330)):
        unit = render(f"systemd/{template}.service", None, **stepped)
        assert f"\nExecStartPre=/etc/homeport/notes/slots/%i/before-start {process}\n" in unit
        assert f"\nTimeoutStartSec={seconds}\n" in unit
        assert "before-start" not in render(f"systemd/{template}.service", None, **stepped | values())


@pytest.mark.parametrize("template", ["app@.service", "app-migrate@.service"])
def test_units_share_a_slice_only_where_the_application_has_a_part_of_the_processors(template: str) -> None:
    assert "Slice=" not in render(f"systemd/{template}", None, **values())
    assert "\nSlice=system-homeport_my_app.slice\n" in render(
        f"systemd/{template}", None, **values(slice="system-homeport_my_app.slice")
    )


@pytest.mark.parametrize("template", ["app@.service", "app-migrate@.service"])
def test_only_what_may_talk_to_other_machines_waits_for_a_network_at_boot(template: str) -> None:
    for network, waits in (("any", True), (["10.0.0.0/8"], True), ("local", False)):
        unit = render(f"systemd/{template}", None, **values(allowed_addresses=allowed_addresses(network)))
        assert ("network-online.target" in unit) == waits
        assert "After=postgresql.service" in unit


def test_memory_is_limited_only_when_asked_for() -> None:
    assert "MemoryMax" not in re.sub("#.*", "", render("systemd/app@.service", None, **values()))
    assert "\nMemoryMax=256M\n" in render("systemd/app@.service", None, **values(memory_max_megabytes=256))


class Script:
    """The migration script in a folder like a release's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".venv/bin").mkdir(parents=True)

    def alembic(self, program: str) -> None:
        """Put a program in alembic's place."""
        path = self.folder / ".venv/bin/alembic"
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)

    def run(self, commands: tuple[str, ...] | None = None) -> tuple[int, str]:
        path = self.folder / "migrate"
        path.write_text(render("systemd/migrate.sh", None, **values(commands=commands)))
        done = subprocess.run(["/bin/sh", path], cwd=self.folder, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tmp_path)


def test_by_default_alembic_of_the_release_upgrades_to_head(script: Script) -> None:
    script.alembic('echo "alembic $@"')

    assert script.run() == (0, "alembic upgrade head\n")


def test_a_migration_that_alembic_does_not_know_is_no_proof_that_its_own_were_run(script: Script) -> None:
    script.alembic("echo \"Can't locate revision identified by 'c0ffee'\" >&2; exit 255")

    status, output = script.run()

    assert status == 255
    assert "left alone" not in output


def test_any_other_failure_keeps_its_status_and_its_words(script: Script) -> None:
    script.alembic("echo 'no such table' >&2; exit 3")

    assert script.run() == (3, "no such table\n")


def test_commands_run_in_order_and_the_first_failure_ends_them(script: Script) -> None:
    assert script.run(("echo one", "false", "echo two")) == (1, "one\n")


def test_a_command_finds_the_releases_own_programs_and_keeps_its_quotes(script: Script) -> None:
    script.alembic("echo ours")

    assert script.run(("alembic", "echo \"it's\" '$HOME'", "cd / && exit 0", "echo last")) == (
        0,
        "ours\nit's $HOME\nlast\n",
    )
