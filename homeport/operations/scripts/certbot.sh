# Runs Certbot's command, quoted for a shell, what it says into a file; waits for another Certbot that is at work: another
# application's run, or the timer that renews. Arguments: the command, the file.
ask() {
    deadline=$(($(date +%s) + 300))
    until sh -c "$1" >"$2" 2>&1; do
        grep -q 'Another instance of Certbot' "$2" && [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 2
    done
}
