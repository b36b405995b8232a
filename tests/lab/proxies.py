"""What differs between the proxies in the tests that all but Nginx share (test_other_proxies)."""

from __future__ import annotations

from dataclasses import dataclass

from homeport.state.paths import TOOLS, UNITS


@dataclass(frozen=True)
class Case:
    """A proxy: `read` prints what changes with each reload, `broken` keeps it from starting until `mended`.

    `site` is the file of its site, `override` one of `template` that it does not understand. `never` makes the machine
    one that never had it: the package of Debian's that a deploy installs starts it, with a configuration of its own.
    """

    title: str
    read: str
    site: str
    template: str
    override: str
    broken: str
    mended: str
    never: str


def override(template: str, block: str, text: str) -> str:
    return f'{{% extends "homeport/{template}" %}}\n{{% block {block} %}}\n{text}\n{{% endblock %}}\n'


def purge(name: str) -> str:
    return (
        f"DEBIAN_FRONTEND=noninteractive apt-get -qq purge {name} >/dev/null\n"
        f"rm -rf /etc/{name} {UNITS}/{name}.service.d"
    )


def started_by(name: str, command: str) -> str:
    """Return a command after which the unit is started by another one."""
    folder = f"{UNITS}/{name}.service.d"
    return f"mkdir -p {folder}; printf '[Service]\\nExecStart=\\nExecStart={command}\\n' >{folder}/zz.conf"


def started_as_before(name: str) -> str:
    return f"rm -f {UNITS}/{name}.service.d/zz.conf; systemctl daemon-reload"


LOADED = '"msg":"load complete"'
ROUTER = "    other:\n      rule: no-such-word(`x`)\n      service: noop@internal"
PROXIES = {
    "haproxy": Case(
        title="HAProxy",
        read="pgrep -P $(systemctl show -p MainPID --value haproxy) | sort",
        site="/etc/haproxy/homeport/notes.cfg",
        template="haproxy/site.cfg",
        override=override("haproxy/site.cfg", "backend", "    no-such-word"),
        broken="cp -p /etc/default/haproxy /run/default; echo 'EXTRAOPTS=-f /etc/gone.cfg' >>/etc/default/haproxy",
        mended="cp -p /run/default /etc/default/haproxy",
        never=f"{purge('haproxy')}; echo 'EXTRAOPTS=-n 400' >/etc/default/haproxy",
    ),
    "caddy": Case(
        title="Caddy",
        read=f"systemctl show -p MainPID --value caddy; journalctl -u caddy -o cat | grep -c '{LOADED}' || true",
        site="/etc/caddy/homeport/notes.caddy",
        template="caddy/site.caddy",
        override=override("caddy/site.caddy", "backend", "    no-such-word"),
        broken=started_by("caddy", "/usr/bin/caddy run --config /etc/gone.cfg"),
        mended=started_as_before("caddy"),
        never=purge("caddy"),
    ),
    "traefik": Case(
        title="Traefik",
        # What root lays out for it with each reload, and what it tells.
        read="systemctl show -p MainPID --value traefik; stat -c %z /run/homeport/traefik/dynamic/machine.yaml; "
        "curl -sS -H 'Host: homeport.invalid' http://127.0.0.1/",
        site="/etc/traefik/homeport/notes.yaml",
        template="traefik/site.yaml",
        override=override("traefik/site.yaml", "routers", ROUTER),
        # Without a file it would start with nothing to serve.
        broken=f"touch /etc/gone.cfg; {started_by('traefik', f'{TOOLS}/bin/traefik --configfile=/etc/gone.cfg')}",
        mended=f"rm -f /etc/gone.cfg; {started_as_before('traefik')}",
        never=f"rm -rf /etc/traefik {UNITS}/traefik.service*; systemctl daemon-reload",
    ),
}
