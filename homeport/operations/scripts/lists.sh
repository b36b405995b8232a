# Reads apt's lists. Usage: read_lists SECONDS (how long to wait for another apt); $log is a file for what apt says, and
# `fail` ends the script with a line. `apt-get update` does not wait for its lock by itself.
apt_retries=3
read_lists() {
    deadline=$(($(date +%s) + $1))
    echo "reading the package lists"
    until apt-get -q ${apt_options:-} -o Acquire::Retries="$apt_retries" -o APT::Update::Error-Mode=any update >"$log" 2>&1; do
        name=$(sed -n "s/.*\(Temporary failure resolving\|Could not resolve\|Could not resolve host:\) '\([^']*\)'.*/\2/p" "$log" | head -n 1)
        [ -z "$name" ] || fail "the host cannot resolve $name; see its /etc/resolv.conf (getent hosts $name)"
        grep -q 'Could not get lock' "$log" || fail "the package lists cannot be read; see the host's /etc/apt/sources.list.d"
        [ "$(date +%s)" -lt "$deadline" ] || fail "another apt held the lock for $1 s; try again, or raise apt_lock_timeout_seconds"
        echo "waiting for another apt to finish"
        sleep 3
    done
}
