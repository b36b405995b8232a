"""Whether the kernel has our firewall as it was loaded: a part of a script, for a deploy's snapshot and the doctor.

It is POSIX sh, since a snapshot is taken of machines that have no program of ours.
"""

from __future__ import annotations

# Prints what is wrong with our table; nothing where it is well, or where there is no firewall of ours.
SCRIPT = """\
read_firewall() {
    [ -f /etc/homeport/firewall.nft ] || return 0
    table=$(nft -s -t list table inet homeport 2>/dev/null)
    if [ -z "$table" ]; then
        echo 'it is not loaded'
    elif ! printf '%s\\n' "$table" | sha256sum | cmp -s - /run/homeport/firewall.loaded; then
        echo 'somebody has changed it'
    fi
}
"""
