# Brings systemd's units to the wanted state. Arguments: verb and unit, pair by pair (enable, start, reload).
set -eu
fail() {
    journalctl --no-pager -q -n 15 -o cat -u "$1" 2>/dev/null || true
    echo "error: $1: systemctl $2 failed; see 'journalctl -u $1' on the host" >&2
    exit 1
}
systemctl daemon-reload
while [ $# -gt 0 ]; do
    case $1:$2 in
    reload:nginx.service) /usr/local/lib/homeport/homeport-host reload-proxy ;;
    reload:systemd) ;;
    *) systemctl -q "$1" "$2" || fail "$2" "$1" ;;
    esac
    shift 2
done
