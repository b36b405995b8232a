"""A deploy that changes the machine's proxy is killed on the way, and the machine loses its power after that."""

from __future__ import annotations

import pytest

from tests.lab.project import until
from tests.lab.sites import SETTINGS, Site
from tests.lab.test_other_proxies import OTHER, TOOLS, assert_machine_has, changes, its
from tests.lab.test_other_proxies import site as site

pytestmark = pytest.mark.lab


def killed_at(site: Site, operation: str, **data: object) -> None:
    """Deploy, and kill that as the operation begins; then cut the machine's power, and boot it."""
    with site.project.started(site.host.name, "-y", **data) as process:
        assert process.stdout is not None
        printed = []
        for line in process.stdout:
            printed.append(line)
            if line.startswith(f"--> Starting operation: {operation}"):
                process.kill()
        process.wait()
    assert process.returncode < 0, "".join(printed)
    site.seen.lab.reboot(site.host, hard=True)


def test_a_boot_after_a_killed_change_of_proxy_starts_the_recorded_one_alone(site: Site) -> None:
    """Debian's package enables Nginx: alone after the phase of packages, with homeport's site after that of files.

    The tools, of which Traefik is one, are Nginx's before the phase of services.
    """
    own = its(site)
    site.project.deployed(site.host, proxy=own, **SETTINGS)
    purge = "DEBIAN_FRONTEND=noninteractive apt-get -qq purge nginx nginx-common >/dev/null"
    site.seen.shell(f"{purge}; rm -rf /etc/nginx /etc/systemd/system/nginx.service.d")
    for operation in ("Accounts", "Services"):
        killed_at(site, operation, **OTHER, **SETTINGS, replace_proxy=True)
        assert until(site.seen.answers, 90)
        holders = f"ss -Hltnp '( sport = :443 or sport = :80 )' | grep -vc '\"{own}\"' || true"
        assert site.seen.shell(holders) == "0"
        assert site.seen.property("nginx", "UnitFileState") == "enabled"
        assert site.seen.property("nginx", "ActiveState") == "inactive"
        assert site.seen.shell("systemctl start nginx; systemctl is-active nginx || true") == "inactive"
    site.seen.shell(f"grep -q 'proxy.*{own}' /etc/homeport/notes/machine.json")
    assert [line for line in changes(site, proxy=own, **SETTINGS) if not line.startswith(TOOLS)] == [
        "disable nginx.service (left by a change of proxy that did not end)",
        "unblock nginx.service (its start condition is no longer needed)",
        f"unblock {own}.service (its start condition is no longer needed)",
    ]
    assert changes(site, proxy=own, **SETTINGS) == []
    assert_machine_has(site, own)
