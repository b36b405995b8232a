# Brings systemd's units to the wanted state. Arguments: verb and unit, pair by pair (enable, start, reload …). What is
# recorded is no unit but the machine's proxy, by its name: once it serves, so that the record is never ahead of that.
set -eu
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
# What a proxy says itself of why it does not start. Limits that are too low for `maxconn` keep none from it.
reason_of() {
    journalctl --no-pager -q -o cat --since "@$began" -u "$1" 2>/dev/null |
        sed -n '/too low for maxconn/d; s/^\[ALERT\][^:]*: *//p; s/^.*\[emerg\] //p' | head -n 1
}
# What does not start would be tried for ever, and take the ports from the one that had them.
put_back() {
    systemctl -q disable --now "$1" || :
    back="; $stopped serves again"
    systemctl -q start "$stopped" || back="; $stopped does not start again either"
}
# It may run without the sites: what it serves is looked at.
check_serving() {
    said=$("$program" reload-proxy --proxy "${1%.service}" 2>&1) || fail "$1" start "$(printf '%s\n' "$said" | sed -n 's/^error: //p' | tail -n 1)"
    systemctl -q is-active "$1" || fail "$1" start
}
# What was not started at boot before, a removal has not started any more. What an owner has disabled since counts too.
remember() {
    [ "$(systemctl is-enabled "$1" 2>/dev/null)" = disabled ] || return 0
    mkdir -p /var/lib/homeport/units
    systemctl is-active "$1" >"/var/lib/homeport/units/$1" || :
}
# Nginx is what a machine without a record has.
write_record() {
    if [ "$1" = nginx ]; then
        rm -f "$record"
    else
        (umask 022 && printf '{"proxy": "%s"}\n' "$1" >"$record.homeport-new")
        sync "$record.homeport-new"
        mv -fT "$record.homeport-new" "$record"
    fi
    stopped=
}
systemctl daemon-reload
while [ $# -gt 0 ]; do
    case $1:$2 in
    reload:nginx.service | reload:haproxy.service) "$program" reload-proxy --proxy "${2%.service}" ;;
    reload:systemd) ;;
    record:*) write_record "$2" ;;
    disable:*) systemctl -q disable --now "$2" || fail "$2" disable ;;
    *)
        [ "$1" != enable ] || remember "$2"
        systemctl -q "$1" "$2" || fail "$2" "$1"
        [ "$1" != stop ] || stopped=$2
        case ${stopped:+$1} in start | restart) check_serving "$2" ;; esac
        ;;
    esac
    shift 2
done
