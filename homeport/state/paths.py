"""The paths on a host: those that homeport's applications share, and those of each application.

Only names are made here; nothing is read or written.
"""

from __future__ import annotations

from dataclasses import dataclass

HOST_LIBRARY = "/usr/local/lib/homeport"
HOST_PROGRAM = f"{HOST_LIBRARY}/homeport-host"
TOOLS = f"{HOST_LIBRARY}/tools"
CERTBOT = f"{HOST_LIBRARY}/certbot"
SYSTEM_CA_FILE = "/etc/ssl/certs/ca-certificates.crt"
ACME_WEBROOT = "/var/www/homeport-acme"
# The servers for requests that name no site, and Debian's welcome page, which has one too.
NGINX_DEFAULT = "/etc/nginx/homeport/00-default.conf"
NGINX_WELCOME = "/etc/nginx/sites-enabled/default"
NGINX_CONF = "/etc/nginx/nginx.conf"
# Sites below the path of another one's name, a folder for each owner of a name.
NGINX_MOUNTS = "/etc/nginx/homeport/mounts"
# The machine's proxy where it is not Nginx: for the host program. Written when it serves (scripts/services.sh).
PROXY_RECORD = "/etc/homeport/proxy.json"
# A drop-in of the proxy's unit, there while its package is installed or the machine's proxy changes.
START_CONDITION = "homeport-condition.conf"
# While it is there, connections are not kept open (host/proxies/model/closing.py).
CLOSING = "/run/homeport/closing"
# Where a request waits that could not be brought to an application (host/proxies/model/holding.py).
HOLD_SOCKET = "/run/homeport-hold.sock"
UNITS = "/etc/systemd/system"
# Files for access (firewall, sshd). No application's name has a dot, so none of these is an application's folder.
FIREWALL_RULES = "/etc/homeport/firewall.nft"
FIREWALL_OPENINGS = "/etc/homeport/firewall.d"
FIREWALL_LOAD = f"{HOST_LIBRARY}/firewall-load"
FIREWALL_LOADED = "/run/homeport/firewall.loaded"
SSHD_DROP_IN = "/etc/ssh/sshd_config.d/00-homeport.conf"
# What was there before homeport, by absolute path, and the digests of what it wrote.
ORIGINALS = "/var/lib/homeport/originals"
# There while a change of these waits for its confirmation; the host program writes it.
PENDING_ACCESS = "/etc/homeport/.pending-access.json"


@dataclass(frozen=True)
class AppPaths:
    """The places on a host that belong to the application `app`."""

    app: str

    @property
    def root(self) -> str:
        """Return the folder of code, environments and slots."""
        return f"/srv/{self.app}"

    @property
    def etc(self) -> str:
        """Return the folder of settings, secrets and the live-slot flag."""
        return f"/etc/homeport/{self.app}"

    @property
    def state(self) -> str:
        """Return the application's own state directory."""
        return f"/var/lib/{self.app}"

    @property
    def cache(self) -> str:
        """Return where the dependency installer keeps its downloads."""
        return f"/var/cache/homeport/{self.app}"

    @property
    def flag(self) -> str:
        """Return the file whose existence says that green is live."""
        return f"{self.etc}/live-green"

    @property
    def maintenance(self) -> str:
        """Return the file that keeps visitors out while it is there."""
        return f"{self.etc}/maintenance.json"

    @property
    def maintenance_page(self) -> str:
        """Return the page that they get then."""
        return f"{self.etc}/maintenance.html"

    @property
    def held(self) -> str:
        """Return the file that keeps requests waiting while a release is stopped that another one replaces."""
        return f"/run/homeport/{self.app}.held"

    @property
    def machine_values(self) -> str:
        """Return the record of what the application sets for the machine."""
        return f"{self.etc}/machine.json"

    @property
    def tls(self) -> str:
        """Return the link to the certificate's folder: the placeholder's, later Certbot's."""
        return f"{self.etc}/tls"

    @property
    def placeholder(self) -> str:
        """Return the folder of the self-signed certificate that serves until there is a real one."""
        return f"{self.etc}/placeholder"

    @property
    def static(self) -> str:
        """Return the folder of the files that the proxy serves by itself; its user may not enter that of the code."""
        return f"/var/www/homeport-static-{self.app}"

    def provided_certificate(self, pair: str) -> str:
        """Return the folder of a certificate that the user has brought; `pair` is its name."""
        return f"{self.etc}/certificate-{pair}"

    @property
    def dns_credentials(self) -> str:
        """Return the file with which Certbot's plugin may write to the domain's zone."""
        return f"{self.etc}/acme-dns.ini"

    @property
    def dns_plugin(self) -> str:
        """Return the requirements of that plugin, for a later version of the tools to install it again."""
        return f"{self.etc}/acme-plugin.txt"

    @property
    def certificate(self) -> str:
        """Return Certbot's folder for the application's certificate."""
        return f"/etc/letsencrypt/live/{self.app}"

    def release(self, release: str) -> str:
        """Return the folder of a release's code."""
        return f"{self.root}/releases/{release}"

    def release_etc(self, release: str) -> str:
        """Return the folder of a release's environment and units."""
        return f"{self.etc}/releases/{release}"

    def environment(self, digest: str) -> str:
        """Return the virtual environment of a dependency lock."""
        return f"{self.root}/venvs/{digest}"
