# Tells whether an environment is complete and its Python is there to stay. One of the system's own has to be the system's as it is by
# now: another one is what an upgrade of the distribution has left, and the next `apt autoremove` takes. Argument: the folder.
is_usable() {
    [ -f "$1/.complete" ] || return 1
    real=$(readlink -f "$1/bin/python") && [ -x "$real" ] && [ -d "$1/lib/${real##*/}" ] || return 1
    case $real in
    /usr/bin/python3*) [ "$real" = "$(readlink -f /usr/bin/python3)" ] ;;
    esac
}
# Prints the folder of a lock's environment that is usable; fails when there is none. One that took the place of another has a number
# behind the lock's digest: processes may still run from the first. Argument: the folder without a number.
usable_environment() {
    for one in "$1" "$1"-*; do
        if is_usable "$one"; then
            printf '%s\n' "$one"
            return 0
        fi
    done
    return 1
}
