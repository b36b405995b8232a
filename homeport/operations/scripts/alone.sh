# Stands before every script that changes a host: one at a time there. Another application's run may be at work, or a
# step of a run that was killed: it goes on to its end without its run, and without the lock that this one had. Only what
# request.sh begins goes on beside others; its own lock says for how long.
alone=/run/homeport/step.lock
take_turn() {
    [ -d /run/homeport ] || install -d -m 755 /run/homeport
    # Open to root alone: flock needs no more than a readable file.
    [ -e "$alone" ] || (umask 077 && : >>"$alone")
    exec 8<>"$alone"
    flock -n 8 && return
    echo "waiting for another run's step on this host to end"
    flock -w 900 8 || {
        echo "error: a step of another run does not end on this host; see 'fuser -v $alone' there" >&2
        exit 1
    }
}
take_turn
# homeport's removal takes the file away.
until [ "$alone" -ef /proc/self/fd/8 ]; do take_turn; done
