"""YAML as plain data with file and line of each value, read within bounds. Pure.

It is built from PyYAML's events: tags are passed over, so that nothing of a file is made into an object, and what an
alias stands for is counted each time that it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml  # type: ignore[import-untyped]

# More than any file that is written by hand; aliases of aliases can stand for thousands of millions.
MOST_VALUES = 20_000
DEEPEST = 40
MERGE = "<<"
_NULL = ("", "~", "null", "Null", "NULL")


class YamlError(Exception):
    """A file that is not read: the line (0: none), and why."""

    def __init__(self, line: int, why: str):
        self.line = line
        super().__init__(why)


@dataclass(frozen=True)
class Value:
    """A value and its line: a text, a list (`items`) or a table (`entries`); `text` is None for the last two.

    `file` is where it is from; `size` how many values it is, with those in it.
    """

    line: int
    text: str | None = None
    items: tuple[Value, ...] = ()
    entries: Mapping[str, Value] = field(default_factory=dict)
    file: str = ""
    size: int = 1

    def get(self, *names: str) -> Value:
        """Return what a table, and the tables in it, have under these names; an empty value where there is nothing."""
        found = self
        for name in names:
            found = found.entries.get(name, Value(found.line, file=found.file))
        return found

    def __bool__(self) -> bool:
        return bool(self.text or self.items or self.entries)

    def texts(self) -> Iterator[tuple[str, int]]:
        """Yield each text of a list, or the lone text, with its line."""
        for one in self.items or (self,):
            if one.text is not None:
                yield one.text, one.line


def read_yaml(text: str, file: str = "") -> Value:
    """Return the one document in a text; raise YamlError when it is none, and when it is larger than it looks."""
    try:
        reader = _Reader(yaml.parse(text, Loader=yaml.SafeLoader), file)
        return reader.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise YamlError(line, f"it is no valid YAML ({error.problem or error.context})") from None
    except (yaml.YAMLError, ValueError):
        raise YamlError(0, "it is no valid YAML") from None


def merged(base: Value, over: Value) -> Value:
    """Return what two files say together, as Compose merges them: lists are put together, a text replaces."""
    if base.entries and over.entries:
        both = {name: merged(base.entries[name], one) for name, one in over.entries.items() if name in base.entries}
        return Value(over.line, None, (), {**base.entries, **over.entries, **both}, over.file)
    if base.items and over.items:
        return Value(over.line, None, (*over.items, *base.items), {}, over.file)
    return over if over else base


class _Reader:
    """Turns events into values, and counts them."""

    def __init__(self, events: Iterator[Any], file: str) -> None:
        self._events, self._file = events, file
        self._anchors: dict[str, Value] = {}

    def document(self) -> Value:
        """Return the document's value."""
        found = Value(0, file=self._file)
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise YamlError(event.start_mark.line + 1, "it has more than one document")
            elif isinstance(event, yaml.NodeEvent):
                found = self._value(event, 0)
        return found

    def _value(self, event: Any, depth: int) -> Value:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise YamlError(line, f"the alias {event.anchor} has no value, or is in its own")
            return self._anchors[event.anchor]
        if depth > DEEPEST:
            raise YamlError(line, "its values are nested too deeply")
        if isinstance(event, yaml.SequenceStartEvent):
            found = self._list(line, depth)
        elif isinstance(event, yaml.MappingStartEvent):
            found = self._table(line, depth)
        else:
            null = event.implicit[0] and event.value in _NULL
            found = Value(line, "" if null else str(event.value), file=self._file)
        if event.anchor:
            self._anchors[event.anchor] = found
        return found

    def _counted(self, line: int, size: int) -> int:
        if size > MOST_VALUES:
            raise YamlError(line, f"it has more than {MOST_VALUES} values, its aliases counted as often as used")
        return size

    def _list(self, line: int, depth: int) -> Value:
        items, size = [], 1
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._value(event, depth + 1))
            size = self._counted(line, size + items[-1].size)
        return Value(line, None, tuple(items), {}, self._file, size)

    def _table(self, line: int, depth: int) -> Value:
        own: dict[str, Value] = {}
        from_others: dict[str, Value] = {}
        size = 1
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._value(event, depth + 1)
            found = self._value(next(self._events), depth + 1)
            size = self._counted(line, size + key.size + found.size)
            if key.text == MERGE:
                for one in found.items or (found,):
                    from_others = {**one.entries, **from_others}
            elif key.text is not None:
                own[key.text] = Value(key.line, found.text, found.items, found.entries, self._file, found.size)
        return Value(line, None, (), {**from_others, **own}, self._file, size)
