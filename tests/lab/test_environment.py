"""Environment files read by the real systemd of each suite, through a unit like the application's."""

from __future__ import annotations

import base64

import pytest

from homeport.lab import Lab
from homeport.lab.model import Suite
from homeport.service.environment import environment_file

from .conftest import MakeHost

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]

NASTY = (
    *"\"'`$\\%#;=!*?~&|<>()[]{} \t\n\r",
    "",
    "plain",
    " spaces around ",
    "\ttabs\t",
    "# no remark",
    "; no remark either",
    "a # b",
    "$HOME ${HOME} $$ $(id) `id`",
    "%i %n %% %",
    "ends in a backslash\\",
    "two\\\\",
    "\\n \\t \\x41 \\u0041 \\",
    '"quoted"',
    "'quoted'",
    "\"'",
    "a=\"b\" c='d'",
    "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n",
    "line\r\nline\r\n",
    "joined\\\nlines",
    "\n\n",
    "\nOTHER=1\n",
    "postgresql://user:p%40ss=w#rd@localhost/db?x=1&y=2",
    '{"json": ["a", 1, null]}',
    "größe 😀 \u2028 \u00a0",
    "\x01\x1b[0m\x7f",
    "x" * 100_000,
)
# Type=exec: started means that the program runs; until then the kernel shows an empty environment.
UNIT = "[Service]\nType=exec\nEnvironmentFile=/etc/nasty.env\nExecStart=/usr/bin/sleep infinity\n"


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_every_value_reaches_the_process_as_it_is(lab: Lab, make_host: MakeHost, suite: Suite) -> None:
    host = make_host(suite)
    wanted = {f"NASTY_{number}": value for number, value in enumerate(NASTY)}
    script = (
        "cat >/etc/nasty.env\n"
        f"printf '%s' '{UNIT}' >/etc/systemd/system/nasty.service\n"
        "systemctl daemon-reload && systemctl start nasty.service\n"
        "base64 -w 0 /proc/$(systemctl show -P MainPID nasty.service)/environ\n"
    )
    command = f"sudo sh -euc {_quoted(script)}"
    answer = lab.run(host, command, stdin=environment_file(wanted))
    assert answer.returncode == 0, answer.stderr
    rows = base64.b64decode(answer.stdout).decode().split("\0")
    found = dict(row.split("=", 1) for row in rows if row.startswith("NASTY_"))
    assert found == wanted


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
