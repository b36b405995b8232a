"""The proxy: does it run, with the configuration that is on the disk, and with the site of the live release?"""

from __future__ import annotations

from collections.abc import Iterator

from homeport.diagnosis.case import Case
from homeport.diagnosis.finding import WARNING, Finding
from homeport.host.services.cause_line import cause_line
from homeport.probe.facts import SiteFacts

UNIT = "nginx.service"
RELOAD = "nginx -t && systemctl reload nginx (on the host), or deploy"
# What Mozilla's profiles have, version 5.7.
PROFILES = {"intermediate": {"TLSv1.2", "TLSv1.3"}, "modern": {"TLSv1.3"}}


def proxy(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with Nginx and the site in it."""
    site, unit = case.found.get("site"), case.unit(UNIT)
    if site is None or unit is None:
        return
    taken = _taken(case)
    yield from taken
    if site["config_problem"] and not taken:
        yield Finding(
            "proxy_config",
            "Nginx does not accept its configuration",
            site["config_problem"],
            "correct the file that it names, or deploy, which puts its own files back; then: systemctl restart nginx",
        )
    if unit["active"] != "active":
        words = f"; {cause_line(unit['last'])}" if unit["last"] else ""
        fix = "systemctl enable --now nginx (on the host)"
        yield Finding("proxy_down", "Nginx does not run", f"{unit['sub']} since {unit['since']}{words}", fix)
    yield from _rivals(site)
    yield from _edited(case, site)
    certificate = case.found.get("certificate")
    differs = certificate is not None and certificate["served_differs"]
    if differs and unit["active"] == "active":
        yield certificate_not_served()
    elif site["stale"] and unit["active"] == "active":
        yield Finding(
            "proxy_stale",
            "Nginx serves something else than what is on the disk",
            "its configuration or a certificate has changed since it was loaded",
            RELOAD,
        )


def certificate_not_served() -> Finding:
    """Return that visitors get another certificate than the one that is on the disk, or none."""
    problem, evidence = "the proxy does not serve the certificate on the disk", "it has changed since it was loaded"
    return Finding("proxy_stale", problem, evidence, RELOAD)


def handshakes(case: Case) -> Iterator[Finding]:
    """Yield what a visitor may speak that the site's profile has not, or may not although it has."""
    found = case.found.get("handshakes")
    if found is None or not found["protocols"]:
        return
    profile = case.settings.tls_profile
    spoken, wanted = set(found["protocols"]), PROFILES[profile]
    evidence = [f"it speaks {one}" for one in sorted(spoken - wanted)]
    evidence += [f"it does not speak {one}" for one in sorted(wanted - spoken)]
    evidence += ["it takes curves that the profile has not"] if found["other_curve"] else []
    if evidence:
        owner = found["default"]
        fix = f"change ssl_protocols and ssl_ecdh_curve of the default server in {owner}" if owner else "deploy"
        why = f"; {owner} has the default server of port 443, which decides that" if owner else ""
        problem = f"the site's TLS is not that of tls_profile ({profile})"
        yield Finding("tls_profile", problem, f"{', '.join(evidence)}{why}", fix, WARNING)


def _taken(case: Case) -> list[Finding]:
    listening = case.found.get("listening", {})
    for port in ("80", "443"):
        others = [name for name in listening.get(port, ()) if name != "nginx"]
        if others:
            evidence = f"port {port} is held by {', '.join(others)}"
            return [
                Finding(
                    "port_taken", "another program has the proxy's port", evidence, "stop it; systemctl start nginx"
                )
            ]
    return []


def _rivals(site: SiteFacts) -> Iterator[Finding]:
    """Yield sites of somebody else that have a name of ours: Nginx serves the one that it reads first, theirs."""
    if not site["rivals"]:
        return
    names = ", ".join(dict.fromkeys(name for name, _, _ in site["rivals"]))
    evidence = "; ".join(f"{file} has {name} on port {port}" for name, port, file in site["rivals"])
    fix = "take the name out of that file; nginx -t && systemctl reload nginx (on the host)"
    yield Finding("proxy_rival", f"Nginx serves somebody else's site for {names}", evidence, fix)


def _edited(case: Case, site: SiteFacts) -> Iterator[Finding]:
    """Yield a site that is not the release's: somebody has changed it by hand, or has taken it away."""
    slot = case.found.get("slot")
    if slot is None:
        return
    if not site["there"]:
        fix = "deploy, which puts it back"
        yield Finding("proxy_edited", "the site's file is missing in Nginx", f"{case.settings.app_name}.conf", fix)
        return
    port = site["ports"].get(slot["name"])
    if port != slot["port"]:
        yield Finding(
            "proxy_edited",
            "Nginx sends requests to a port where the application does not listen",
            f"the site says {port or 'none'} for slot {slot['name']}, the slot has {slot['port']}{_error(site)}",
            "somebody has changed the site's file: deploy, which puts it back",
        )
    elif site["edits"]:
        fix = "deploy, which puts it back; what you want in it belongs into overrides/nginx/site.conf"
        evidence = " ".join(" ".join(site["edits"]).split())
        yield Finding("proxy_edited", "the site's file was changed by hand", evidence, fix)


def _error(site: SiteFacts) -> str:
    words = site["errors"][-1].partition("[error] ")[2].partition(", client:")[0] if site["errors"] else ""
    return f"; its log: {words.partition(' ')[2]}" if words else ""
