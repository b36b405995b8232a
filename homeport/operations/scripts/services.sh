# Brings systemd's units to the wanted state. Arguments: verb and unit, pair by pair (enable, start, reload …). `record` takes
# the name of the machine's proxy: it comes after the proxy has started, so that the record names a proxy that serves. `write`
# takes a file, whose content is the standard input. `unblock` removes the start condition of a unit.
set -eu
exec 3<&0 </dev/null
program=/usr/local/lib/homeport/homeport-host
record=/etc/homeport/proxy.json
began=$(date +%s)
# The proxy that was stopped for another one, until this one serves.
stopped=
fail() {
    back=
    [ -z "$stopped" ] || put_back "$1"
    journalctl --no-pager -q -n 15 -o cat -u "$1" 2>/dev/null | tool_log 15
    reason=${3:-$(reason_of "$1")}
    echo "error: $1: systemctl $2 failed${reason:+: $reason}$back; see 'journalctl -u $1' on the host" >&2
    exit 1
}
# The proxy's own message about why it does not start. It does start with limits that are too low for `maxconn`.
reason_of() {
    journalctl --no-pager -q -o cat --since "@$began" -u "$1" 2>/dev/null |
        sed -n '/too low for maxconn/d; s/^\[ALERT\][^:]*: *//p; s/^.*\[emerg\] //p; s/^Error: //p
            s/^{"level":"error","error":"command traefik error: \(.*\)","time":.*/\1/p' | head -n 1
}
is_proxy() {
    case $1 in nginx.service | haproxy.service | caddy.service | traefik.service) ;; *) return 1 ;; esac
}
# Lets a proxy start that is not the recorded one, until this script ends.
permit() {
    mkdir -p /run/homeport
    permit=/run/homeport/${1%.service}.permit
    : >"$permit"
}
permit=
trap '[ -z "$permit" ] || rm -f "$permit"' EXIT
unblock() {
    for unit in "$@"; do rm -f "/etc/systemd/system/$unit.d/homeport-condition.conf"; done
    systemctl daemon-reload
}
# systemd would start the failed proxy again and again, and it could take the ports from the other one. A try that the stop
# meets halfway would leave it as failed, and the machine as degraded.
put_back() {
    if systemctl -q disable --now "$1"; then unblock "$1" "$stopped"; fi
    back="; $stopped serves again"
    systemctl -q start "$stopped" || back="; $stopped does not start again either"
    systemctl -q reset-failed "$1" 2>/dev/null || :
}
# It may run without the sites: so it is checked what it serves.
check_serving() {
    said=$("$program" reload-proxy --proxy "${1%.service}" 2>&1) || fail "$1" start "$(printf '%s\n' "$said" | sed -n 's/^error: //p' | tail -n 1)"
    systemctl -q is-active "$1" || fail "$1" start
}
# A removal disables what was disabled before homeport enabled it, also what the owner has disabled later.
remember() {
    # A preview goes with its timer's file, without a trace.
    case $1 in homeport-preview@*) return 0 ;; esac
    [ "$(systemctl is-enabled "$1" 2>/dev/null)" = disabled ] || return 0
    mkdir -p /var/lib/homeport/units
    systemctl is-active "$1" >"/var/lib/homeport/units/$1" || :
}
# Usage: replace FILE, with the standard input.
replace() {
    (umask 022 && cat >"$1.homeport-new")
    sync "$1.homeport-new"
    mv -fT "$1.homeport-new" "$1"
}
# Nginx is what a machine without a record has.
write_record() {
    if [ "$1" = nginx ]; then
        rm -f "$record"
    else
        printf '{"proxy": "%s"}\n' "$1" | replace "$record"
    fi
    sync "${record%/*}"
    stopped=
}
systemctl daemon-reload
while [ $# -gt 0 ]; do
    if is_proxy "$2"; then kind=proxy; else kind=; fi
    case $1:${kind:-$2} in
    reload:proxy) "$program" reload-proxy --proxy "${2%.service}" ;;
    reload:systemd) ;;
    record:*) write_record "$2" ;;
    write:*) replace "$2" <&3 ;;
    unblock:*) unblock "$2" ;;
    disable:*) systemctl -q disable --now "$2" || fail "$2" disable ;;
    *)
        [ "$1" != enable ] || remember "$2"
        case $1:$kind in *start:proxy) permit "$2" ;; esac
        systemctl -q "$1" "$2" || fail "$2" "$1"
        [ "$1" != stop ] || stopped=$2
        case ${stopped:+$1} in start | restart) check_serving "$2" ;; esac
        ;;
    esac
    shift 2
done
