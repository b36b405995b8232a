# Lets Certbot request the application's first certificate while the run goes on: proving the names is mostly waiting.
# `certificate.sh` uses the result. Arguments: application, and Certbot's command, quoted.
set -eu
asked=/run/homeport/asked-$1
[ -d "$asked" ] || mkdir -m 700 "$asked"
# A killed run may have left a request that is still running.
exec 9>>"$asked/lock"
flock -n 9 || exit 0
# An authority counts failures. If an earlier run failed before its last phase, nobody has been told about the failed request:
# this run's last phase requests the certificate itself, and tells.
if [ -s "$asked/status" ] && [ "$(cat "$asked/status")" != 0 ]; then
    : >"$asked/command"
    exit 0
fi
rm -f "$asked/status"
printf '%s\n' "$2" >"$asked/command"
trap '' HUP
# The request holds this lock until it ends; it releases the lock of this phase and closes the connection.
(
    status=0
    ask "$2" "$asked/log" || status=$?
    echo "$status" >"$asked/status"
) </dev/null >/dev/null 2>&1 8>&- &
