"""What Kamal's config/deploy.yml says (versions 1 and 2). Pure.

The keys are those of Kamal's own documentation ("Configuration"); ERB (`<%= … %>`) is not evaluated.
"""

from __future__ import annotations

import re

from homeport.scaffold.foreign.amounts import megabytes, seconds
from homeport.scaffold.foreign.commands import Commands
from homeport.scaffold.foreign.domains import take_names
from homeport.scaffold.foreign.health import take_health_path
from homeport.scaffold.foreign.model import Files, Place, Reading
from homeport.scaffold.foreign.variables import take_variable
from homeport.scaffold.foreign.yaml_values import Value, YamlError, read_yaml

# What replaces ERB, so that YAML can be read and no value is taken for a plain one.
_ERB = re.compile(r"<%.*?%>", re.DOTALL)
_PLACE = "$ERB"
# Keys that homeport has its own way for, or no need of.
_UNDERSTOOD = frozenset(
    [
        "service",
        "image",
        "servers",
        "proxy",
        "env",
        "registry",
        "builder",
        "ssh",
        "accessories",
        "volumes",
        "traefik",
        "healthcheck",
        "retain_containers",
        "drain_timeout",
        "deploy_timeout",
        "stop_wait_time",
        "minimum_version",
        "readiness_delay",
        "primary_role",
        "allow_empty_roles",
        "run_directory",
        "secrets_path",
        "sshkit",
        "aliases",
        "logging",
        "labels",
        "hooks_path",
        "require_destination",
        "asset_path",
        "error_pages_path",
        "boot",
    ]
)
_NAMED = {
    "asset_path": "old assets are not kept for old pages",
    "error_pages_path": "the maintenance page is a template (templates/nginx/maintenance.html)",
    "boot": "each machine switches by itself; see docs/releases.md for several",
    "labels": "labels are for containers",
    "logging": "logs are in the journal",
}


def read_kamal(path: str, files: Files) -> Reading:
    """Return what the file at `path` says."""
    reading = Reading()
    try:
        document = read_yaml(_ERB.sub(lambda found: _PLACE + "\n" * found.group().count("\n"), files.text(path)))
    except YamlError as problem:
        reading.note(Place(path, problem.line), f"not read: {problem}")
        return reading
    if not document.get("service") and not document.get("servers"):
        reading.note(Place(path), "not read: it is no configuration of Kamal")
        return reading
    _Kamal(path, files, reading, document).read()
    return reading


class _Kamal:
    """The file as it is read."""

    def __init__(self, path: str, files: Files, reading: Reading, document: Value):
        self._path, self._files, self._reading, self._document = path, files, reading, document
        self._accessories = self._hosts_of_accessories()

    def _place(self, value: Value) -> Place:
        return Place(self._path, value.line)

    def _hosts_of_accessories(self) -> frozenset[str]:
        """Return the names that accessories have in Kamal's network: SERVICE-ACCESSORY, and their own."""
        service = self._document.get("service").text or ""
        names = self._document.get("accessories").entries
        own = {one.get("service").text or f"{service}-{name}" for name, one in names.items()}
        return frozenset(own | set(names))

    def read(self) -> None:
        """Take what is there, key by key."""
        if (name := self._document.get("service").text) and _PLACE not in name:
            self._reading.names.append(name)
        self._servers()
        self._proxy(self._document.get("proxy"))
        self._environment(self._document.get("env"))
        self._tools()
        health = self._document.get("healthcheck", "path")
        if health.text:
            take_health_path(health.text, self._place(health), self._reading)
        self._amounts()
        for key, value in self._document.entries.items():
            if key in _NAMED or (key not in _UNDERSTOOD and not key.startswith("x-")):
                self._reading.note(self._place(value), f"{key} is not taken: {_NAMED.get(key, 'no setting has it')}")
        for value in self._document.get("volumes").items:
            at = (value.text or "").partition(":")[2].partition(":")[0] or value.text
            self._reading.note(
                self._place(value), f"what is kept in {at} belongs into state_paths, or into $STATE_DIRECTORY"
            )
        for name, one in self._document.get("accessories").entries.items():
            image = one.get("image").text or "no image"
            self._reading.note(
                self._place(one),
                f"the accessory {name} ({image}) is not taken: a package of the machine (packages), or another machine",
            )

    def _servers(self) -> None:
        servers = self._document.get("servers")
        hosts = [*servers.texts()] if servers.items else []
        for role, one in servers.entries.items():
            machines = [*one.texts()] if one.items else [*one.get("hosts").texts()]
            hosts += machines
            command = one.get("cmd")
            if command.text and role in ("web", self._document.get("primary_role").text):
                inner = Reading()
                Commands(self._files, inner, {}).read(command.text, self._place(command))
                inner.without_server()
                self._reading.add(inner)
            elif command.text:
                self._process(role, command)
            memory = one.get("options", "memory")
            if memory.text and (amount := megabytes(memory.text)):
                self._reading.propose("memory_max_megabytes", amount, self._place(memory))
        if hosts:
            names = ", ".join(dict.fromkeys(text.replace(_PLACE, "(ERB)") for text, _ in hosts))
            self._reading.note(
                Place(self._path, hosts[0][1]),
                f"{names}: not taken as machines, since kamal-proxy has ports 80 and 443 there; --host names new ones",
            )

    def _process(self, role: str, command: Value) -> None:
        inner = Reading()
        Commands(self._files, inner, {}).read(command.text or "", self._place(command))
        self._reading.notes += inner.notes
        if inner.starts:
            self._reading.note(self._place(command), f"the role {role} is a server of its own: another application")
        elif inner.before:
            name = re.sub(r"[^a-z0-9-]+", "-", role.lower()).strip("-0123456789") or "process"
            self._reading.processes.setdefault(name, inner.before[-1])

    def _proxy(self, proxy: Value) -> None:
        hosts = [text for name in ("host", "hosts") for text, _ in proxy.get(name).texts()]
        names = [name for text in hosts for name in text.split(",")]
        place = self._place(next((one for one in (proxy.get("host"), proxy.get("hosts")) if one), proxy))
        if names:
            take_names([name for name in names if _PLACE not in name], place, self._reading)
        if any(_PLACE in name for name in names):
            self._reading.note(place, "the name is made by ERB, which is not evaluated: domain says it")
        if (ssl := proxy.get("ssl")).text == "false":
            self._reading.note(self._place(ssl), "ssl: false is not taken: homeport always serves HTTPS")
        elif ssl.entries:
            self._reading.note(self._place(ssl), 'a certificate of your own is tls = "files"')
        health = proxy.get("healthcheck", "path")
        if health.text:
            take_health_path(health.text, self._place(health), self._reading)
        if prefix := proxy.get("path_prefix") or proxy.get("path_prefixes"):
            self._reading.note(
                self._place(prefix), "a path prefix has no setting: the application has a name of its own"
            )
        self._number("proxy_read_timeout_seconds", proxy.get("response_timeout"))
        body = proxy.get("buffering", "max_request_body")
        if (body.text or "").isdecimal() and int(body.text or 0):
            self._reading.propose("client_max_body_megabytes", -(-int(body.text or 0) // 1048576), self._place(body))

    def _environment(self, env: Value) -> None:
        clear = env.get("clear")
        for name, one in (clear.entries or env.entries).items():
            if name not in ("clear", "secret", "tags") and not one.entries and not one.items:
                if name == "WEB_CONCURRENCY":
                    self._number("workers", one)
                take_variable(name, one.text or None, self._place(one), self._reading, self._accessories)
        for text, line in env.get("secret").texts() if env.get("secret").items else ():
            # `NAME:OTHER`: the variable NAME has the secret OTHER.
            take_variable(text.partition(":")[0], None, Place(self._path, line), self._reading)
        if tags := env.get("tags"):
            self._reading.note(
                self._place(tags), "tags are not taken: a host's own environment is set in the inventory"
            )

    def _tools(self) -> None:
        """Take the names of what Kamal itself needs to know: the login to the registry, and secrets of the build."""
        registry = self._document.get("registry")
        for value in (registry.get("username"), registry.get("password"), self._document.get("builder", "secrets")):
            # Only a list has names; a text is the value itself.
            self._reading.tools |= {text.partition(":")[0] for text, _ in value.texts()} if value.items else set()

    def _amounts(self) -> None:
        self._number("keep_releases", self._document.get("retain_containers"))
        self._number("drain_timeout_seconds", self._document.get("drain_timeout"))
        self._number("health_timeout_seconds", self._document.get("deploy_timeout"))
        self._number("stop_timeout_seconds", self._document.get("stop_wait_time"))

    def _number(self, setting: str, value: Value) -> None:
        if value.text and (amount := seconds(value.text)):
            self._reading.propose(setting, amount, self._place(value))
