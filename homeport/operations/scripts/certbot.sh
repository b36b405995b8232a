# Runs Certbot's command, quoted for a shell, what it says into a file; waits for another Certbot that is at work: another
# application's run, or the timer that renews. Arguments: the command, the file.
ask() {
    deadline=$(($(date +%s) + 300))
    until sh -c "$1" >"$2" 2>&1; do
        is_busy "$2" && [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 2
    done
}
# A lineage of ours is known by what it is renewed with. Argument: its renewal configuration.
is_ours() { grep -qsE '= *(/var/www/homeport-acme|/etc/homeport/|/usr/local/lib/homeport/)' "$1"; }
is_busy() { grep -q 'Another instance of Certbot' "$1"; }
# Waits until what request.sh has begun has ended. Argument: its folder.
let_end() {
    [ -d "$1" ] && ! flock -n "$1/lock" true || return 0
    echo "waiting for the authority's answer"
    flock "$1/lock" true
}
