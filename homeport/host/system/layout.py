"""Where things are on the host. Paths and names only; nothing is read or written here.

`root` is `/` on a host; tests give another one.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

BLUE = "blue"
GREEN = "green"
SLOTS = (BLUE, GREEN)
PROGRAM_DIRECTORY = "/usr/local/lib/homeport"
LAUNCHER = f"{PROGRAM_DIRECTORY}/homeport-host"
CERTIFICATE_FILE = "fullchain.pem"


def other(slot: str) -> str:
    """Return the slot that `slot` is not."""
    return GREEN if slot == BLUE else BLUE


class MachineLayout(NamedTuple):
    """The places that all applications of a host share."""

    root: Path = Path("/")

    @property
    def runtime(self) -> Path:
        """Return root's folder for files that a boot removes: locks, start permits, the proxy's stamp."""
        return self.root / "run/homeport"

    @property
    def sites(self) -> Path:
        """Return the folder with one folder per application."""
        return self.root / "etc/homeport"

    @property
    def proxy_record(self) -> Path:
        """Return the file that names the machine's proxy; without it that is Nginx. No application's name has a dot."""
        return self.sites / "proxy.json"

    @property
    def haproxy(self) -> Path:
        """Return HAProxy's configuration folder."""
        return self.root / "etc/haproxy"

    @property
    def caddy(self) -> Path:
        """Return Caddy's configuration folder."""
        return self.root / "etc/caddy"

    @property
    def traefik(self) -> Path:
        """Return Traefik's configuration folder."""
        return self.root / "etc/traefik"

    @property
    def nginx(self) -> Path:
        """Return Nginx's configuration folder."""
        return self.root / "etc/nginx"


class Layout(NamedTuple):
    """The places of one application."""

    app: str
    root: Path = Path("/")

    @property
    def machine(self) -> MachineLayout:
        """Return the shared places of the same host."""
        return MachineLayout(self.root)

    @property
    def base(self) -> Path:
        """Return the folder with releases, virtual environments, slots and the log."""
        return self.root / "srv" / self.app

    @property
    def settings(self) -> Path:
        """Return the folder with everything of the application that is not its code."""
        return self.root / "etc/homeport" / self.app

    @property
    def code_releases(self) -> Path:
        """Return the folder that holds the code of each release."""
        return self.base / "releases"

    @property
    def settings_releases(self) -> Path:
        """Return the folder that holds environment, units and description of each release."""
        return self.settings / "releases"

    @property
    def venvs(self) -> Path:
        """Return the folder with one virtual environment per set of dependencies."""
        return self.base / "venvs"

    @property
    def log(self) -> Path:
        """Return the append-only log of releases."""
        return self.base / "releases.jsonl"

    @property
    def state(self) -> Path:
        """Return the application's own folder (StateDirectory= of its units)."""
        return self.root / "var/lib" / self.app

    @property
    def static(self) -> Path:
        """Return the folder of the files that the proxy serves by itself; its user may not enter that of the code."""
        return self.root / f"var/www/homeport-static-{self.app}"

    @property
    def static_releases(self) -> Path:
        """Return the folder that holds those files of each release."""
        return self.static / "releases"

    @property
    def static_bridge(self) -> Path:
        """Return the folder of what pages of all kept releases may still ask for: files with a hash in their name."""
        return self.static / "bridge"

    def static_link(self, slot: str) -> Path:
        """Return the link to those files of the slot's release; it is called like the slot's upstream in the site."""
        return self.static / "slots" / f"{self.app}_{slot}"

    @property
    def flag(self) -> Path:
        """Return the flag file: there means that green is live, not there means blue.

        It is the record of the live slot, of which no proxy is the owner: all look for it at every request.
        """
        return self.settings / "live-green"

    @property
    def site(self) -> Path:
        """Return the file that says which names and ports the application has."""
        return self.settings / "site.json"

    @property
    def hold(self) -> Path:
        """Return the file that says who holds deploys by hand; it is there only then."""
        return self.settings / "hold.json"

    @property
    def revisions(self) -> Path:
        """Return the record of what comes before each migration of the releases that have been on this host."""
        return self.settings / "revisions.json"

    @property
    def maintenance(self) -> Path:
        """Return the file that keeps visitors out while it is there. The proxy looks for it at every request."""
        return self.settings / "maintenance.json"

    @property
    def held(self) -> Path:
        """Return the file that keeps requests waiting while it is there and young: a release is about to be stopped.

        It holds the time until which it counts, in seconds since 1970. The proxy looks for it at every request.
        """
        return self.machine.runtime / f"{self.app}.held"

    @property
    def standby(self) -> Path:
        """Return the file that names the slot which is kept running behind the live one."""
        return self.settings / "standby"

    @property
    def certificate(self) -> Path:
        """Return the certificate chain that the proxy serves for the application."""
        return self.settings / "tls" / CERTIFICATE_FILE

    @property
    def lock(self) -> Path:
        """Return the file whose flock says that a deploy is at work.

        It is not in /run/lock, where every user may create and lock files and so could keep deploys out.
        """
        return self.machine.runtime / f"{self.app}.lock"

    @property
    def deploy_lock(self) -> Path:
        """Return the file whose flock says that a controller's run is under way; the lock ends with its connection."""
        return self.machine.runtime / f"{self.app}.deploy.lock"

    def permit(self, slot: str) -> Path:
        """Return the file that lets a slot run that is not live yet; a boot forgets it."""
        return self.machine.runtime / f"{self.app}.{slot}.started"

    def retry(self, slot: str) -> Path:
        """Return the file that says what of a slot is started again and again, and why; a boot forgets it."""
        return self.machine.runtime / f"{self.app}.{slot}.retry.json"

    def migrated(self, slot: str) -> Path:
        """Return the file that keeps a slot's migration from running: its release has migrated the database before."""
        return self.settings / f"{slot}.migrated"

    def links(self, slot: str) -> tuple[Path, Path]:
        """Return the two links of a slot: to the code and to the settings of its release."""
        return self.base / "slots" / slot, self.settings / "slots" / slot

    def unit(self, slot: str) -> str:
        """Return the name of the slot's service."""
        return f"{self.app}@{slot}.service"

    def migrate_unit(self, slot: str) -> str:
        """Return the name of the slot's migration service."""
        return f"{self.app}-migrate@{slot}.service"

    def slice_unit(self) -> str:
        """Return the name of the slice of the application's units, where they have one.

        By a dash it would be one inside another; no application's name has an underscore.
        """
        return f"system-homeport_{self.app.replace('-', '_')}.slice"

    def retry_unit(self, slot: str) -> str:
        """Return the name of the service that starts what has failed of the slot again."""
        return f"homeport-retry@{self.app}:{slot}.service"

    def extra_file(self, slot: str, name: str) -> Path:
        """Return where a release's `extra.NAME.service` or `extra.NAME.timer` is installed for the slot."""
        _, unit, kind = name.split(".")
        return self.unit_file(f"{self.app}.{unit}@{slot}.{kind}")

    def unit_file(self, name: str) -> Path:
        """Return where the unit `name` is installed."""
        return self.root / "etc/systemd/system" / name
