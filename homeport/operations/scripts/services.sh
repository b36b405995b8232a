# Brings systemd's units to the wanted state. Arguments: verb and unit, pair by pair (enable, start, reload).
set -eu
fail() {
    journalctl --no-pager -q -n 15 -o cat -u "$1" 2>/dev/null | tool_log 15
    echo "error: $1: systemctl $2 failed; see 'journalctl -u $1' on the host" >&2
    exit 1
}
# What was not started at boot before, a removal has not started any more. What an owner has disabled since counts too.
remember() {
    [ "$(systemctl is-enabled "$1" 2>/dev/null)" = disabled ] || return 0
    mkdir -p /var/lib/homeport/units
    systemctl is-active "$1" >"/var/lib/homeport/units/$1" || :
}
systemctl daemon-reload
while [ $# -gt 0 ]; do
    case $1:$2 in
    reload:nginx.service | reload:haproxy.service) /usr/local/lib/homeport/homeport-host reload-proxy ;;
    reload:systemd) ;;
    *)
        [ "$1" != enable ] || remember "$2"
        systemctl -q "$1" "$2" || fail "$2" "$1"
        ;;
    esac
    shift 2
done
