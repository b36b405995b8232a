"""Settings that a machine has once, and the applications on it that set them: which value holds, who may change it.

The value that an application sets is recorded (`MachineValues`). An application that sets none uses the value that
another has set; an application that sets a different value is refused, unless it takes the machine over. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from homeport.errors import HomeportError
from homeport.settings import Settings
from homeport.settings.machine import SINGLE_VALUES, MachineSettings
from homeport.settings.reference import literal
from homeport.state.machine_values import MachineValues, Value

Records = Iterable[MachineValues]


@dataclass(frozen=True)
class SharedValue:
    """A value that holds on the machine, the applications that have set it, and the number of its take-over."""

    value: Value
    apps: tuple[str, ...]
    takeover: int = 0


def explicit_values(settings: Settings) -> dict[str, Value]:
    """Return the values for the machine that the settings name, also where they name the default."""
    return {key: getattr(settings, key) for key in SINGLE_VALUES if key in settings.model_fields_set}


def values_of_others(key: str, app: str, records: Records) -> tuple[SharedValue, ...]:
    """Return what the applications other than `app` have set, each value once.

    More than one value is there only when two were deployed at the same time. What was taken over does not hold.
    """
    others = [(one, value) for one in records if one.app != app for value in _allowed(key, one)]
    last = max((one.takeovers.get(key, 0) for one, _ in others), default=0)
    found: dict[str, SharedValue] = {}
    for one, value in sorted(others, key=lambda other: other[0].app):
        if one.takeovers.get(key, 0) == last:
            apps = found[literal(value)].apps if literal(value) in found else ()
            found[literal(value)] = SharedValue(value, (*apps, one.app), last)
    return tuple(found.values())


def inherited_values(settings: Settings, records: Records) -> dict[str, SharedValue]:
    """Return the values that others have set and these settings leave out."""
    records, own = tuple(records), explicit_values(settings)
    found = {key: values_of_others(key, settings.app_name, records) for key in SINGLE_VALUES if key not in own}
    return {key: values[0] for key, values in found.items() if values}


def inherited_unlike_default(settings: Settings, records: Records) -> dict[str, SharedValue]:
    """Return those of them that are another value than these settings would give the machine alone."""
    fields = MachineSettings.model_fields
    return {key: one for key, one in inherited_values(settings, records).items() if one.value != fields[key].default}


def effective_settings(settings: Settings, records: Records) -> Settings:
    """Return the settings with the values that hold on the machine. `model_fields_set` stays what the user has set."""
    others = {key: one.value for key, one in inherited_values(settings, records).items()}
    if not others:
        return settings
    return Settings.model_construct(set(settings.model_fields_set), **{**dict(settings), **others})


def own_record(settings: Settings, records: Records) -> MachineValues:
    """Return the record of these settings' application, once they are deployed."""
    records, app, own = tuple(records), settings.app_name, explicit_values(settings)
    takeovers = {}
    for key, value in own.items():
        last = max((one.takeover for one in values_of_others(key, app, records)), default=0)
        before = _takeover(key, app, records) or 0
        takeovers[key] = last + 1 if _contradictions(key, value, app, records) else max(last, before)
    return MachineValues(app, own, takeovers)


def refusals(settings: Settings, records: Records) -> tuple[HomeportError, ...]:
    """Return why this application may not change what others have set for the machine, an error for each value."""
    return () if settings.take_machine else tuple(_refusals(settings, tuple(records)))


def _refusals(settings: Settings, records: tuple[MachineValues, ...]) -> Iterator[HomeportError]:
    app = settings.app_name
    for key, value in explicit_values(settings).items():
        for other in _contradictions(key, value, app, records):
            apps, ours, theirs = " and ".join(other.apps), literal(value), literal(other.value)
            yield HomeportError(
                f"{app} sets {ours}, but {apps} on the same machine set{'s' if len(other.apps) == 1 else ''} {theirs}",
                key=key,
                fix=f"make them the same, leave {key} out of the settings of {app} to have {theirs}, "
                "or take the machine over with --take-machine (pyinfra: --data take_machine=True)",
            )


def _contradictions(key: str, value: Value, app: str, records: tuple[MachineValues, ...]) -> list[SharedValue]:
    """Return what others have set otherwise, unless the application has taken the machine over from them."""
    own = _takeover(key, app, records)
    others = [one for one in values_of_others(key, app, records) if one.value != value]
    return [one for one in others if own is None or own <= one.takeover]


def _takeover(key: str, app: str, records: tuple[MachineValues, ...]) -> int | None:
    """Return the number of the take-over by which the application has a value; None: by none."""
    return next((one.takeovers.get(key) for one in records if one.app == app), None)


def _allowed(key: str, record: MachineValues) -> tuple[Value, ...]:
    """Return the recorded value, and none where this version does not allow it: another one may have written it."""
    if key in record.values:
        with suppress(ValidationError):
            return (getattr(MachineSettings.model_validate({key: record.values[key]}), key),)
    return ()
