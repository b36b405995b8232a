"""What a systemd unit or a configuration of Supervisor says. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from homeport.scaffold.foreign.amounts import megabytes, seconds
from homeport.scaffold.foreign.commands import Commands
from homeport.scaffold.foreign.model import Files, Place, Reading
from homeport.scaffold.foreign.variables import take_variable

# What homeport's own units say, or have no need of.
_OURS_SYSTEMD = re.compile(
    r"User|Group|DynamicUser|Restart\w*|StartLimit\w*|Type|NotifyAccess|PIDFile|Standard\w+|Syslog\w+|WorkingDirectory|"
    r"RuntimeDirectory\w*|KillMode|KillSignal|PrivateTmp|ProtectSystem|ProtectHome|NoNewPrivileges|Protect\w+|Private\w+|"
    r"Restrict\w+|SystemCall\w+|CapabilityBoundingSet|LockPersonality|MemoryDenyWriteExecute|UMask|RemainAfterExit|"
    r"ExecReload|ExecStop|TimeoutStartSec|OOMPolicy|RemoveIPC|AmbientCapabilities|SuccessExitStatus|SendSIG\w+"
)
_OURS_SUPERVISOR = re.compile(
    r"autostart|autorestart|start\w+|stop(signal|asgroup)|killasgroup|user|std\w+|redirect_stderr|directory|priority|"
    r"process_name|exitcodes|umask|serverurl|loglevel"
)


@dataclass(frozen=True)
class Entry:
    """A line `key=value` of a section."""

    section: str
    key: str
    value: str
    line: int


def read_units(paths: Sequence[str], files: Files) -> Iterator[tuple[str, Reading]]:
    """Yield what each unit of systemd says; of one that starts no server, while another does, that it is not taken."""
    readings = [(path, _systemd(path, files)) for path in paths]
    served = any(reading.starts for _, reading in readings)
    for path, reading in readings:
        if reading.starts:
            yield path, reading
        elif served:
            left = Reading()
            for command, place in reading.before:
                left.note(place, f"{command!r} is not taken: it starts no server; what runs beside one is in processes")
            yield path, left


def read_programs(paths: Sequence[str], files: Files) -> Iterator[tuple[str, Reading]]:
    """Yield what each of Supervisor's files says: one may have the server, and another what runs beside it."""
    readings = [(path, _supervisor(path, files)) for path in paths]
    served = any(reading.starts for _, reading in readings)
    for path, reading in readings:
        if not served:
            reading.without_processes("no program of Supervisor's is a server for FastAPI that is known")
        yield path, reading


def _systemd(path: str, files: Files) -> Reading:
    reading = Reading()
    entries = [one for one in _entries(files.text(path)) if one.section == "Service"]
    _systemd_environment([one for one in entries if one.key.startswith("Environment")], path, files, reading)
    for one in entries:
        place = Place(path, one.line)
        if one.key in ("ExecStart", "ExecStartPre"):
            # systemd.service(5): these prefixes are not a part of the command.
            command = one.value.lstrip("@-:+!")
            Commands(files, reading, {}).read(re.sub(r"%[a-zA-Z]", "$UNIT", command), place)
        elif one.key == "TimeoutStopSec" and (amount := seconds(one.value)):
            reading.propose("stop_timeout_seconds", amount, place)
        elif one.key == "MemoryMax" and (amount := megabytes(one.value)):
            reading.propose("memory_max_megabytes", amount, place)
        elif one.key == "CPUWeight" and one.value.isdecimal():
            reading.propose("cpu_weight", int(one.value), place)
        elif one.key in ("StateDirectory", "ReadWritePaths"):
            reading.note(place, f"{one.key}={one.value}: the application writes to $STATE_DIRECTORY (/var/lib/APP)")
        elif not one.key.startswith("Environment") and not _OURS_SYSTEMD.fullmatch(one.key):
            reading.note(place, f"{one.key}= has no setting")
    return reading


def _systemd_environment(entries: list[Entry], path: str, files: Files, reading: Reading) -> None:
    for one in entries:
        place = Place(path, one.line)
        if one.key == "Environment":
            try:
                pairs = shlex.split(one.value)
            except ValueError:
                reading.note(place, "Environment= is not understood: its quotes do not end")
                continue
            for name, equals, value in (pair.partition("=") for pair in pairs):
                if name == "WEB_CONCURRENCY" and value.isdecimal():
                    reading.propose("workers", int(value), place)
                if equals:
                    take_variable(name, value, place, reading)
        elif one.key == "EnvironmentFile":
            reading.note(
                place, f"EnvironmentFile {one.value.lstrip('-')} is on that machine: what it sets is to be set again"
            )


def _supervisor(path: str, files: Files) -> Reading:
    reading = Reading()
    sections: dict[str, list[Entry]] = {}
    for one in _entries(files.text(path), comments=(";", "#")):
        sections.setdefault(one.section, []).append(one)
    programs = {name: lines for name, lines in sections.items() if name.startswith(("program:", "fcgi-program:"))}
    for name, lines in programs.items():
        _program(name.partition(":")[2], lines, path, files, reading)
    return reading


def _program(name: str, lines: list[Entry], path: str, files: Files, reading: Reading) -> None:
    command = next((one for one in lines if one.key == "command"), None)
    if command is None:
        return
    inner, place = Reading(), Place(path, command.line)
    Commands(files, inner, {}).read(re.sub(r"%\([^)]*\)\w", "$SUPERVISOR", command.value), place)
    if not inner.starts:
        if inner.before:
            key = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-0123456789") or "process"
            reading.processes.setdefault(key, inner.before[-1])
        reading.notes += inner.notes
        folder = next((one for one in lines if one.key == "directory"), None)
        if folder and _below(folder.value, files):
            text = f"directory={folder.value}: commands run in the application's folder"
            reading.note(Place(path, folder.line), text)
        return
    if reading.starts:
        reading.note(place, f"the program {name} is another server: an application of its own")
        return
    reading.add(inner)
    for one in lines:
        at = Place(path, one.line)
        if one.key == "environment":
            for variable, value in re.findall(r"(\w+)=(\"[^\"]*\"|'[^']*'|[^,]*)", one.value):
                take_variable(variable, value.strip("\"'"), at, reading)
        elif one.key == "numprocs" and one.value != "1" and one.value.isdecimal():
            reading.propose("workers", int(one.value), at)
        elif one.key == "stopwaitsecs" and (amount := seconds(one.value)):
            reading.propose("stop_timeout_seconds", amount, at)
        elif one.key not in ("command", "numprocs", "stopwaitsecs") and not _OURS_SUPERVISOR.fullmatch(one.key):
            reading.note(at, f"{one.key} has no setting")


def _below(folder: str, files: Files) -> bool:
    """Tell whether what a folder of another machine is called is a folder below the application's."""
    inside = f"{files.folder}/" if files.folder else ""
    name = folder.rstrip("/").rpartition("/")[2]
    return bool(name) and any(path.startswith(f"{inside}{name}/") for path in files.paths)


def _entries(text: str, comments: tuple[str, ...] = ("#", ";")) -> Iterator[Entry]:
    """Yield the lines of a file of sections; a line that goes on (backslash, or indented) belongs to the one before."""
    section = ""
    waiting: Entry | None = None
    goes_on = False
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        if not plain or plain.startswith(comments):
            continue
        if waiting and (goes_on or (line[0] in " \t" and "ExecStart" not in line)):
            goes_on = plain.endswith("\\")
            waiting = Entry(
                waiting.section, waiting.key, f"{waiting.value} {plain.rstrip(chr(92))}".strip(), waiting.line
            )
            continue
        if waiting:
            yield waiting
            waiting = None
        if plain.startswith("["):
            section, goes_on = plain.strip("[]"), False
        elif "=" in plain:
            key, _, value = plain.partition("=")
            goes_on = plain.endswith("\\")
            waiting = Entry(section, key.strip(), value.strip().rstrip("\\").strip(), number)
    if waiting:
        yield waiting
