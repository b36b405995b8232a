"""Which systems homeport runs on, and what differs between them."""

from __future__ import annotations

from homeport.state.snapshot import MachineFound

# The systems that we test (Debian) and those that share their code (Ubuntu LTS). Older ones lack Nginx's
# ssl_reject_handshake (1.19.4) or a Python that Certbot still supports.
SUPPORTED = {("debian", "12"), ("debian", "13"), ("ubuntu", "24.04"), ("ubuntu", "26.04")}
ARCHITECTURES = {"amd64", "arm64"}
# Systems whose Nginx is older than 1.25.1.
OLD_NGINX = {("debian", "12"), ("ubuntu", "24.04")}
# Systems whose OpenSSL is older than 3.5, which brought the hybrid groups.
OLD_OPENSSL = {("debian", "12"), ("ubuntu", "24.04")}


def unsupported(machine: MachineFound) -> str | None:
    """Return why this machine cannot be provisioned, or None when it can."""
    if (machine.os_id, machine.os_version) not in SUPPORTED:
        names = ", ".join(f"{name.capitalize()} {version}" for name, version in sorted(SUPPORTED))
        return f"{machine.os_id or 'this system'} {machine.os_version} is not supported (supported: {names})"
    if machine.architecture not in ARCHITECTURES:
        return (
            f"the architecture {machine.architecture} is not supported (supported: {', '.join(sorted(ARCHITECTURES))})"
        )
    return None


def has_http2_directive(machine: MachineFound) -> bool:
    """Tell whether the system's Nginx wants `http2 on;` (1.25.1 and later) instead of `listen … http2`."""
    return (machine.os_id, machine.os_version) not in OLD_NGINX


def has_hybrid_groups(machine: MachineFound) -> bool:
    """Tell whether the system's OpenSSL has hybrid groups, which withstand a quantum computer (3.5 and later)."""
    return (machine.os_id, machine.os_version) not in OLD_OPENSSL


def key_exchange_groups(machine: MachineFound) -> str:
    """Return the groups of Mozilla's TLS profiles (version 6.0) that the system's OpenSSL has, as OpenSSL lists them.

    The hybrid one first: what is recorded today stays secret from a quantum computer. An OpenSSL that does not know a
    name refuses the whole list, but for one with a question mark, which those before 3.3 do not know either.
    """
    hybrid = ("?X25519MLKEM768",) if has_hybrid_groups(machine) else ()
    return ":".join((*hybrid, "X25519", "prime256v1", "secp384r1"))
