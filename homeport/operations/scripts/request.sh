# Lets Certbot ask for the application's first certificate beside all that the run does next: to have its names proven is
# mostly waiting. `certificate.sh` takes up what came of it. Arguments: application, and Certbot's command, quoted.
set -eu
asked=/run/homeport/asked-$1
[ -d "$asked" ] || mkdir -m 700 "$asked"
# A run that was killed may have left one at it.
exec 9>>"$asked/lock"
flock -n 9 || exit 0
# An authority counts failures. Of one that nobody has been told of, since the run failed before its last phase, that phase
# shall tell: it asks by itself then.
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
