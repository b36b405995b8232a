"""The proxy: does it run, with the configuration that is on the disk, and with the site of the live release?"""

from __future__ import annotations

from collections.abc import Iterator

from homeport.diagnosis.case import Case
from homeport.diagnosis.finding import WARNING, Finding
from homeport.host.services.cause_line import cause_line
from homeport.probe.observations import SiteObservation

CHECKED_RELOAD = {"nginx": "nginx -t && systemctl reload nginx"}
NOT_SERVED_FIX = "deploy, or reload the proxy (on the host)"
# The protocols of Mozilla's profiles, version 5.7.
PROFILES = {"intermediate": {"TLSv1.2", "TLSv1.3"}, "modern": {"TLSv1.3"}}


def proxy(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with the proxy and the site in it."""
    site = case.found.get("site")
    unit = case.unit(site["unit"]) if site else None
    if site is None or unit is None:
        return
    proxy, name = site["proxy"], _program(site)
    taken = _taken(case, name)
    yield from taken
    if site["config_problem"] and not taken:
        yield Finding(
            "proxy_config",
            f"{proxy} does not accept its configuration",
            site["config_problem"],
            f"correct the file that it names, or deploy to restore homeport's files; then: systemctl restart {name}",
        )
    if unit["active"] != "active":
        words = f"; {cause_line(unit['last'])}" if unit["last"] else ""
        fix = f"systemctl enable --now {name} (on the host)"
        yield Finding("proxy_down", f"{proxy} does not run", f"{unit['sub']} since {unit['since']}{words}", fix)
    yield from _rivals(site)
    yield from _edited(case, site)
    certificate = case.found.get("certificate")
    differs = certificate is not None and certificate["served_differs"]
    if differs and unit["active"] == "active":
        yield certificate_not_served()
    elif site["stale"] and unit["active"] == "active":
        yield Finding(
            "proxy_stale",
            f"{proxy} serves something else than what is on the disk",
            "its configuration or a certificate has changed since it was loaded",
            f"{_reload(site)} (on the host), or deploy",
        )


def certificate_not_served() -> Finding:
    """Return that visitors get another certificate than the one that is on the disk, or none."""
    problem, evidence = "the proxy does not serve the certificate on the disk", "it has changed since it was loaded"
    return Finding("proxy_stale", problem, evidence, NOT_SERVED_FIX)


def _program(site: SiteObservation) -> str:
    return site["unit"].removesuffix(".service")


def _reload(site: SiteObservation) -> str:
    """Return the command that has it read its configuration, if that is well."""
    return CHECKED_RELOAD.get(_program(site), f"systemctl reload {_program(site)}")


def handshakes(case: Case) -> Iterator[Finding]:
    """Yield protocols that the site accepts although its profile does not, or refuses although its profile does."""
    found = case.found.get("handshakes")
    if found is None or not found["protocols"] or case.settings.mounted_on:
        return
    profile = case.settings.tls_profile
    spoken, wanted = set(found["protocols"]), PROFILES[profile]
    evidence = [f"it speaks {one}" for one in sorted(spoken - wanted)]
    evidence += [f"it does not speak {one}" for one in sorted(wanted - spoken)]
    evidence += ["it accepts curves that are not in the profile"] if found["other_curve"] else []
    if evidence:
        owner = found["default"]
        fix = f"change ssl_protocols and ssl_ecdh_curve of the default server in {owner}" if owner else "deploy"
        why = f"; {owner} has the default server of port 443, which decides that" if owner else ""
        problem = f"the site's TLS is not that of tls_profile ({profile})"
        yield Finding("tls_profile", problem, f"{', '.join(evidence)}{why}", fix, WARNING)


def _taken(case: Case, program: str) -> list[Finding]:
    listening = case.found.get("listening", {})
    for port in ("80", "443"):
        others = [name for name in listening.get(port, ()) if name != program]
        if others:
            evidence, fix = f"port {port} is held by {', '.join(others)}", f"stop it; systemctl start {program}"
            return [Finding("port_taken", "another program has the proxy's port", evidence, fix)]
    return []


def _rivals(site: SiteObservation) -> Iterator[Finding]:
    """Yield sites of somebody else that have a name of ours: the proxy serves the one that it reads first, theirs."""
    if not site["rivals"]:
        return
    names = ", ".join(dict.fromkeys(name for name, _, _ in site["rivals"]))
    evidence = "; ".join(f"{file} has {name} on port {port}" for name, port, file in site["rivals"])
    fix = f"take the name out of that file; {_reload(site)} (on the host)"
    yield Finding("proxy_rival", f"{site['proxy']} serves somebody else's site for {names}", evidence, fix)


def _edited(case: Case, site: SiteObservation) -> Iterator[Finding]:
    """Yield a site that is not the release's: somebody has changed it by hand, or has taken it away."""
    slot = case.found.get("slot")
    if slot is None:
        return
    if not site["there"]:
        fix = "deploy, which restores it"
        yield Finding("proxy_edited", f"the site's file is missing in {site['proxy']}", site["file"], fix)
        return
    port = site["ports"].get(slot["name"])
    if port != slot["port"]:
        yield Finding(
            "proxy_edited",
            f"{site['proxy']} sends requests to a port where the application does not listen",
            f"the site says {port or 'none'} for slot {slot['name']}, the slot has {slot['port']}{_error(site)}",
            "somebody has changed the site's file: deploy, which restores it",
        )
    elif site["edits"]:
        fix = f"deploy, which restores it; put your own changes into overrides/{site['template']}"
        evidence = " ".join(" ".join(site["edits"]).split())
        yield Finding("proxy_edited", "the site's file was changed by hand", evidence, fix)


def _error(site: SiteObservation) -> str:
    words = site["errors"][-1].partition("[error] ")[2].partition(", client:")[0] if site["errors"] else ""
    return f"; its log: {words.partition(' ')[2]}" if words else ""
