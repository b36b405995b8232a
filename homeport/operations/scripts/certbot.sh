# Runs Certbot's command with its output in a file; waits while another Certbot is at work (another application's run, or the
# timer that renews). Arguments: the command, quoted for a shell; the file.
ask() {
    deadline=$(($(date +%s) + 300))
    until sh -c "$1" >"$2" 2>&1; do
        is_busy "$2" && [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 2
    done
}
# Tells whether a lineage is ours, by how it is renewed. Argument: its renewal configuration.
is_ours() { grep -qsE '= *(/var/www/homeport-acme|/etc/homeport/|/usr/local/lib/homeport/)' "$1"; }
is_busy() { grep -q 'Another instance of Certbot' "$1"; }
# Waits until the request that request.sh has started has ended. Argument: its folder.
let_end() {
    [ -d "$1" ] && ! flock -n "$1/lock" true || return 0
    echo "waiting for the authority's answer"
    flock "$1/lock" true
}
