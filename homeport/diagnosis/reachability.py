"""Can visitors, and can we, reach the machine: names, ports, SSH."""

from __future__ import annotations

from collections.abc import Iterator

from homeport.diagnosis.case import AWAY, OPEN, REFUSED, SILENT, Case, SshAccess, Visit
from homeport.diagnosis.finding import Finding
from homeport.host.system.site_names import askable

# Names that no name server of the internet knows: RFC 6761, 6762, 8375, and the one that ICANN has set aside.
PRIVATE = (".test", ".local", ".home.arpa", ".internal")


def ssh_access(case: Case) -> Iterator[Finding]:
    """Yield why the login fails, or why the host cannot be examined after it."""
    problem = case.ssh_access.problem
    if case.unread_reason:
        fix = "log in as root, or as a user that has sudo without a password; the host needs python3"
        yield Finding("unexamined", "the login works, but the host cannot be examined", case.unread_reason, fix)
    elif "resolve" in problem.lower():
        fix = "correct ssh_hostname in the inventory"
        yield Finding("ssh_name", "the name that SSH uses has no address", problem, fix)
    elif problem and case.ssh_access.state in (SILENT, REFUSED):
        yield _closed(case, case.ssh_access)
    elif "host key" in problem.lower():
        what = "the machine's host key is unknown, or differs from the known one"
        fix = "if it was installed again: compare the key with the provider's console, then homeport trust TARGET"
        yield Finding("ssh_host_key", what, problem, fix)
    elif "authentication" in problem.lower():
        fix = "make sure that your key is the one that the machine knows (ssh_key, ssh_user in the inventory)"
        yield Finding("ssh_login", "the machine refuses the login by SSH", problem, fix)
    elif problem:
        fix = "log in at the provider's console, and see: journalctl -u ssh"
        yield Finding("ssh_closed", "SSH does not work", problem, fix)


def _closed(case: Case, ssh_access: SshAccess) -> Finding:
    """Return what a port of SSH that does not open means: the whole machine is silent, or that port alone."""
    if ssh_access.state == SILENT and all(OPEN not in (visit.https, visit.http) for visit in case.visits):
        return Finding(
            "machine_unreachable",
            "nothing answers at the machine's address",
            f"ports 80, 443 and {ssh_access.port} of {ssh_access.address}: no answer from here",
            "check at the provider that it runs, and that its network lets you in; replace a lost machine by "
            "a deploy to a new one",
        )
    why = "no answer" if ssh_access.state == SILENT else "refused: sshd does not run, or listens on another port"
    fix = "log in at the provider's console, and see: systemctl status ssh; nft list ruleset"
    return Finding("ssh_closed", "SSH cannot be reached", f"{ssh_access.address}:{ssh_access.port}: {why}", fix)


def names(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with the site's names."""
    domains = case.settings.domains
    missing = [name for name in domains if not case.addresses(name)]
    if "names" not in case.found:
        missing = [name for name in missing if not name.endswith(PRIVATE)]
    told = {one["name"]: one["problem"] for one in case.found.get("names", ())}
    silent = [problem for problem in told.values() if "does not answer" in problem or "no name server" in problem]
    # A host that uses the controller's network needs no name server.
    if silent and len(silent) == len(told) and case.settings.outbound == "host":
        yield Finding(
            "resolver_broken",
            "the host cannot look up any name",
            silent[0],
            "correct /etc/resolv.conf on the host, or make its name servers reachable",
        )
    if missing:
        asked = askable(missing[0])
        why = told.get(asked) or "this computer finds no address for it"
        yield Finding(
            "dns_missing",
            f"there is no address for {', '.join(missing)}",
            why if asked == missing[0] else f"{asked}: {why}",
            f"give it an A (or AAAA) record to {case.address} at your DNS provider",
        )
    yield from _elsewhere(case)


def _elsewhere(case: Case) -> Iterator[Finding]:
    """Yield the names that lead to an address which is not the machine's and does not serve the site.

    One that serves it is a load balancer, another machine of the site, or this one behind address translation.
    """
    if "addresses" not in case.found:
        return
    own = own_addresses(case)
    bad = {visit.address for visit in case.visits if not case.good(visit) and visit.https != AWAY} - own
    here = [visit for visit in case.visits if visit.address in own]
    if not any(map(case.good, here)) and not _serves_inside(case):
        return
    for name in case.settings.domains:
        if wrong := [address for address in case.addresses(name) if address in bad]:
            yield Finding(
                "dns_elsewhere",
                f"{name} leads to an address that does not serve the site",
                f"{', '.join(wrong)} is not one of this machine's addresses ({', '.join(sorted(own))})",
                f"correct its record at your DNS provider ({case.address}); if it is this machine's public address, "
                "open ports 80 and 443 in the provider's firewall",
            )
            return


def own_addresses(case: Case) -> set[str]:
    """Return the addresses that the machine is known to have."""
    return {case.address, *case.found.get("addresses", ())}


def _serves_inside(case: Case) -> bool:
    site = case.found.get("site")
    return site is not None and site["through_proxy"] in [f"answered {status}" for status in case.good_statuses]


def ports(case: Case) -> Iterator[Finding]:
    """Yield the ports that are closed to visitors although somebody listens on them."""
    firewall = case.found.get("firewall", "")
    if firewall:
        yield Finding(
            "firewall_changed",
            f"homeport's firewall: {firewall}",
            "nft list table inet homeport",
            "deploy once, which restores it; name ports that must be open in firewall_open",
        )
    listening = case.found.get("listening", {})
    for visit in (one for one in looked_at(case) if one.address in own_addresses(case)):
        closed = [port for port, state in ((80, visit.http), (443, visit.https)) if state in (REFUSED, SILENT)]
        closed = [port for port in closed if listening.get(str(port))]
        if closed:
            ports = " and ".join(map(str, closed))
            filters = case.found.get("filters", [])
            state = visit.https if 443 in closed else visit.http
            where = f"; on the host these refuse packets: {', '.join(filters)}" if filters else ""
            yield Finding(
                "port_closed",
                f"port {ports} is closed to visitors" if len(closed) == 1 else f"ports {ports} are closed to visitors",
                f"{visit.address}: {state} from here, while Nginx listens{where}",
                "open them in the firewall named above" if filters else "open them in the provider's firewall",
            )
            return


def looked_at(case: Case) -> tuple[Visit, ...]:
    """Return what visitors meet: the addresses of the site's names; the machine's own while the names have none."""
    wanted = {address for name in case.settings.domains for address in case.addresses(name)}
    visits = tuple(visit for visit in case.visits if visit.address in wanted)
    return visits or tuple(visit for visit in case.visits if visit.address == case.address)


def site(case: Case) -> Iterator[Finding]:
    """Yield what a visitor meets, as far as it is not the site: it explains nothing, and is explained by all else."""
    for visit in looked_at(case):
        if case.good(visit) or visit.https == AWAY:
            continue
        where = f"https://{case.settings.domain}{case.settings.public_health_path} at {visit.address}"
        if visit.status is None:
            why = visit.problem or f"port 443: {visit.https}"
            yield Finding(
                "site_unreachable", "visitors do not reach the site", f"{where}: {why}", "see the findings above"
            )
        else:
            wanted = case.settings.health_status
            evidence = f"{where}: answered {visit.status} instead of {wanted}"
            yield Finding("site_error", "visitors get an error", evidence, "see: homeport logs TARGET")
        return
