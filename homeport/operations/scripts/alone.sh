# This part is put before every script that changes a host, so that only one runs there at a time. Another application's
# run may be at work, or a phase of a run that was killed: the phase goes on to its end without its run, and without the
# run's deploy lock. Only a request that request.sh starts runs beside others; it has a lock of its own.
alone=/run/homeport/step.lock
take_turn() {
    [ -d /run/homeport ] || install -d -m 755 /run/homeport
    # Open to root alone: flock needs no more than a readable file.
    [ -e "$alone" ] || (umask 077 && : >>"$alone")
    exec 8<>"$alone"
    flock -n 8 && return
    echo "waiting for a phase of another run to end on this host"
    flock -w 900 8 || {
        echo "error: a phase of another run does not end on this host; see 'fuser -v $alone' there" >&2
        exit 1
    }
}
take_turn
# homeport's removal deletes the file.
until [ "$alone" -ef /proc/self/fd/8 ]; do take_turn; done
