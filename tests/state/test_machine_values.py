from __future__ import annotations

import json

import pytest

from homeport.state.machine_values import MachineValues, parse


def test_a_record_is_read_as_it_was_written() -> None:
    record = MachineValues(
        "notes", {"reboot_time": "03:30", "firewall": False, "swap_megabytes": None}, {"firewall": 2}
    )
    assert parse(record.text()) == record
    # As the snapshot has it, on one line.
    assert parse(record.text().replace("\n", " ")) == record


def test_what_nobody_took_over_has_no_number() -> None:
    assert json.loads(MachineValues("notes", {"firewall": True}, {"firewall": 0}).text()) == {
        "app": "notes",
        "values": {"firewall": True},
    }
    assert MachineValues("notes").text() == '{\n  "app": "notes",\n  "values": {}\n}\n'


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"app": "notes"}', '{"app": "notes", "values": 1}', '{"values": {}}']
)
def test_a_damaged_record_is_none(text: str) -> None:
    assert parse(text) is None
    assert parse('{"app": "notes", "values": {}, "takeovers": {"firewall": "x"}}') is None
