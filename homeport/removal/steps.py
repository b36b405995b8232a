"""A removal as a list of steps: what each changes is found first, and shown; the same list is gone through to do it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ..host.system.layout import Layout, MachineLayout
from ..host.system.output import say


class Row(NamedTuple):
    """A change for people, as plans have them: what is done, to what, why."""

    action: str
    what: str
    reason: str = ""


class RemovalStep(NamedTuple):
    """The changes of a removal step, and the function that makes them, which may be called twice."""

    rows: tuple[Row, ...]
    do: Callable[[], None]


class RemovalJob(NamedTuple):
    """The task of a removal: the application of `layout`, with its data when `data`.

    `application` and `machine` are the paths that the steps of this version write for an application, and for all of a
    machine's applications together (`homeport.plans.places`); those of them in `access` decide who gets in.
    `units` are enabled by them. As `preview` it is refused for what is none.
    """

    layout: Layout
    data: bool
    application: tuple[Path, ...]
    machine: tuple[Path, ...]
    access: tuple[Path, ...]
    units: tuple[str, ...]
    by: str = ""
    preview: bool = False

    @property
    def shared(self) -> MachineLayout:
        """The places of the machine."""
        return self.layout.machine


def removal_job(given: dict[str, Any], root: Path = Path("/")) -> RemovalJob:
    """Return the job that the controller asks for; `root` is `/` on a host."""
    places = {
        key: tuple(root / str(path).lstrip("/") for path in given["places"][key])
        for key in ("application", "machine", "access")
    }
    return RemovalJob(
        Layout(str(given["app"]), root),
        bool(given["data"]),
        places["application"],
        places["machine"],
        places["access"],
        units=tuple(map(str, given["places"]["units"])),
        by=str(given["by"]),
        preview=bool(given.get("preview")),
    )


def removals(paths: Iterable[Path], reason: str = "") -> tuple[Row, ...]:
    """Return the rows for paths that are removed."""
    return tuple(Row("remove", str(path), reason) for path in paths)


def perform(steps: Iterable[RemovalStep]) -> None:
    """Do all steps that have something to change, in their order, and say what they change."""
    for step in steps:
        if step.rows:
            for row in step.rows:
                say(f"{row.action} {row.what}")
            step.do()
