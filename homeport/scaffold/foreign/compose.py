"""What a Compose file says: which service is the application, and what the others are. Pure."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence

from homeport.scaffold.foreign.amounts import megabytes, seconds
from homeport.scaffold.foreign.commands import Commands
from homeport.scaffold.foreign.compose_services import other_service, variables_in
from homeport.scaffold.foreign.dockerfile import read_dockerfile
from homeport.scaffold.foreign.domains import take_domains
from homeport.scaffold.foreign.health import read_health_command
from homeport.scaffold.foreign.model import Files, Place, Reading
from homeport.scaffold.foreign.variables import service_in, take_variable
from homeport.scaffold.foreign.yaml_values import Value, YamlError, merged, read_yaml

# Keys of the application's service that are read, or that homeport has its own way for.
_UNDERSTOOD = re.compile(
    r"build|image|command|entrypoint|environment|env_file|healthcheck|volumes|labels|deploy|ports|expose|"
    r"restart|depends_on|networks|container_name|hostname|logging|init|tty|stdin_open|stop_grace_period|"
    r"stop_signal|mem_limit|working_dir|user|profiles|links|platform|pull_policy|secrets|develop|security_opt|"
    r"cap_drop|read_only|tmpfs|mem_reservation"
)


def read_compose(paths: Sequence[str], files: Files) -> Reading:
    """Return what Compose files say together of the application in the folder of `files`: each over those before it.

    A file that says of each service what it is stands alone.
    """
    reading = Reading()
    whole = Value(0)
    for path in paths:
        try:
            document = read_yaml(files.text(path), path)
        except YamlError as problem:
            reading.note(Place(path, problem.line), f"not read: {problem}")
            continue
        if not document.get("services").entries:
            reading.note(Place(path), "not read: it has no services")
            continue
        if document.get("include"):
            reading.note(Place(path, document.get("include").line), "include is not followed")
        alone = all(one.get("image") or one.get("build") for one in document.get("services").entries.values())
        if alone and whole:
            reading.note(Place(whole.file), f"not read: {path} stands alone")
        whole = document if alone else merged(whole, document)
    if services := whole.get("services").entries:
        _Compose(whole.file, files, reading, services).read(files.folder)
    return reading


class _Compose:
    """A Compose file as it is read."""

    def __init__(self, path: str, files: Files, reading: Reading, services: Mapping[str, Value]):
        self._path, self._files, self._reading, self._services = path, files, reading, services
        self._read = {name: self._command(one) for name, one in services.items()}

    def _place(self, value: Value) -> Place:
        return Place(value.file or self._path, value.line)

    def read(self, folder: str) -> None:
        """Take what the application's service says, and say what the others are."""
        main = self._main(folder)
        for name, one in self._services.items():
            if name == main:
                self._application(name, one)
            elif not (main and self._is_beside(name, one, main)):
                self._reading.note(self._place(one), other_service(name, one, self._read[name], alone=not main))
        if not main:
            self._reading.note(Place(self._path), "none of its services starts a server for FastAPI that is known")

    def _command(self, service: Value) -> Reading:
        """Return what a service starts: by its own command, else as its Dockerfile says."""
        reading = Reading()
        own = any(service.get(name) for name in ("command", "entrypoint"))
        if dockerfile := self._dockerfile(service):
            reading.add(
                read_dockerfile(dockerfile, self._files, service.get("build", "target").text or "", command=not own)
            )
        variables = {name: value or "" for name, value, _ in variables_in(service.get("environment"))}
        commands = Commands(self._files, reading, variables)
        for name in ("entrypoint", "command"):
            value = service.get(name)
            if value.text:
                commands.read(value.text, self._place(value))
            elif value.items:
                commands.read([text for text, _ in value.texts()], self._place(value))
        return reading

    def _dockerfile(self, service: Value) -> str:
        build = service.get("build")
        if not build:
            return ""
        context = build.text if build.text is not None else build.get("context").text or "."
        name = build.get("dockerfile").text or "Dockerfile"
        here = posixpath.dirname(self._path)
        return find_exact(posixpath.normpath(posixpath.join(here, context, name)), self._files)

    def _main(self, folder: str) -> str:
        """Return the service that is the application, "" for none: it starts a server, best from that folder."""

        def rank(name: str) -> tuple[bool, bool, int]:
            at = posixpath.dirname(self._dockerfile(self._services[name]))
            called = re.search(r"back|api|app|web|server", name)
            return (at != folder, not called, list(self._services).index(name))

        return min((name for name, found in self._read.items() if found.starts), key=rank, default="")

    def _application(self, name: str, service: Value) -> None:
        self._environment(service)
        health = service.get("healthcheck", "test")
        words = [text for text, _ in health.texts()]
        if words and not service.get("healthcheck", "disable"):
            read_health_command(
                words[1:] if words[0] in ("CMD", "CMD-SHELL") else words, self._place(health), self._reading
            )
        grace = service.get("stop_grace_period")
        if grace.text:
            self._amount("stop_timeout_seconds", seconds(grace.text), grace)
        for value in (service.get("mem_limit"), service.get("deploy", "resources", "limits", "memory")):
            if value.text:
                self._amount("memory_max_megabytes", megabytes(value.text), value)
        cpus = service.get("deploy", "resources", "limits", "cpus")
        if cpus.text and re.fullmatch(r"\d+(\.\d+)?", cpus.text):
            self._reading.propose("cpu_max", float(cpus.text), self._place(cpus))
        replicas = service.get("deploy", "replicas")
        if replicas.text not in (None, "1"):
            self._reading.note(
                self._place(replicas), f"{replicas.text} replicas: workers says how many processes serve"
            )
        self._volumes(service)
        take_domains(service.get("labels"), service.get("environment"), self._path, self._reading)
        for key, value in service.entries.items():
            if not _UNDERSTOOD.fullmatch(key):
                self._reading.note(self._place(value), f"{key} of the service {name} has no setting")
        self._secrets(service)
        self._reading.add(self._read[name])

    def _amount(self, name: str, value: int | None, at: Value) -> None:
        if value is None:
            self._reading.note(self._place(at), f"{at.text} is not understood")
        else:
            self._reading.propose(name, value, self._place(at))

    def _environment(self, service: Value) -> None:
        others = frozenset(self._services)
        for name, value, at in variables_in(service.get("environment")):
            if name == "WEB_CONCURRENCY" and value and value.isdecimal():
                self._reading.propose("workers", int(value), self._place(at))
            take_variable(name, value, self._place(at), self._reading, others)
        for entry in service.get("env_file").items or (service.get("env_file"),):
            file = entry.text or entry.get("path").text
            if file:
                self._env_file(file, entry)

    def _env_file(self, name: str, entry: Value) -> None:
        found = find_exact(posixpath.normpath(posixpath.join(posixpath.dirname(self._path), name)), self._files)
        if not found:
            self._reading.note(self._place(entry), f"env_file {name} is not in git: what it sets is to be set again")
            return
        for line, text in enumerate(self._files.text(found).splitlines(), 1):
            match = re.match(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", text)
            # `environment` wins over such a file (Compose's documentation, "Environment variables precedence").
            if match and match[1] not in self._reading.environment:
                take_variable(match[1], None, Place(found, line), self._reading)

    def _secrets(self, service: Value) -> None:
        for entry in service.get("secrets").items:
            name = entry.text or entry.get("source").text or ""
            self._reading.note(
                self._place(entry), f"the secret {name} is a file in the container; here it is a variable"
            )

    def _volumes(self, service: Value) -> None:
        for entry in service.get("volumes").items:
            plain, _, inside = (entry.text or "").partition(":")
            source, target = entry.get("source").text or plain, entry.get("target").text or inside
            kind = entry.get("type").text
            if not target:
                source, target = "", plain
            if posixpath.basename(source).startswith(".env"):
                continue
            # Code that is mounted for developing is in the release.
            if kind != "tmpfs" and not (source.startswith(("./", "../", ".")) and self._is_ours(source)):
                self._reading.note(
                    self._place(entry),
                    f"what is kept in {target.split(':')[0]} belongs into state_paths, or into $STATE_DIRECTORY",
                )

    def _is_ours(self, source: str) -> bool:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self._path), source))
        return path == "." or path in self._files.paths or any(one.startswith(f"{path}/") for one in self._files.paths)

    def _is_beside(self, name: str, service: Value, main: str) -> bool:
        """Take a service of the application's own image: a migration, or a process; tell whether it is one."""
        application = self._services[main]
        same = self._dockerfile(service) == self._dockerfile(application) != ""
        same = same or (bool(service.get("image").text) and service.get("image").text == application.get("image").text)
        found = self._read[name]
        if not same or found.starts or not found.before:
            return False
        waited = application.get("depends_on", name, "condition").text == "service_completed_successfully"
        once = service.get("restart").text in ("no", "on-failure") or waited
        if once or any("alembic" in command for command, _ in found.before):
            self._reading.before += found.before
        else:
            command, place = found.before[-1]
            addresses = (word for word in shlex.split(command) if "://" in word)
            host = next(filter(None, (service_in(word, set(self._services)) for word in addresses)), "")
            if host:
                self._reading.note(place, f"{command!r} is not taken: {host} is the name of a container")
            else:
                self._reading.processes.setdefault(name, (command, place))
        self._reading.notes += found.notes
        return True


def find_exact(path: str, files: Files) -> str:
    """Return the path if there is such a file, "" otherwise."""
    return path if path in files.paths else ""
