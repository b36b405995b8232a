"""The machine's settings that an application has set, as its record there has them. Plain data.

Each application has a record of its own, in the folder of its settings: two that are deployed at the same time write
two files, and a record goes with its application.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Value = str | int | bool | None


@dataclass(frozen=True)
class MachineValues:
    """The values that the settings of `app` name, by setting; what they leave out is not among them.

    `takeovers` numbers the take-overs of a value: of two applications that differ, the one with the higher number has
    taken the machine over from the other.
    """

    app: str
    values: Mapping[str, Value] = field(default_factory=dict)
    takeovers: Mapping[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """Return the record as it is on the machine; the same values always make the same text."""
        record: dict[str, object] = {"app": self.app, "values": dict(self.values)}
        if numbers := {key: number for key, number in self.takeovers.items() if number}:
            record["takeovers"] = numbers
        return json.dumps(record, indent=2) + "\n"


def parse(text: str) -> MachineValues | None:
    """Return the values of a record; None for one that is damaged, which its application's next deploy writes again."""
    try:
        raw: Any = json.loads(text)
        values, numbers = raw["values"], raw.get("takeovers", {})
        return MachineValues(str(raw["app"]), dict(values), {str(key): int(one) for key, one in numbers.items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
