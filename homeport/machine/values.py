"""The record of what this application sets for the machine, by which other applications there are told of it."""

from __future__ import annotations

from homeport.machine import scope
from homeport.state.wanted import Directory, File, Part
from homeport.steps.context import Context


def machine_values(context: Context) -> Part:
    """Return the record; it is there also where nothing is set, since that says so."""
    paths, record = context.paths, scope.own_record(context.settings, context.machine.values)
    return Part(directories=(Directory(paths.etc),), files=(File(paths.machine_values, record.text()),))
