#!/bin/sh
# Written by homeport for {{ app }}, release {{ release_id }}: what is done before each start of a process, by the user,
# in the sandbox and in the folder that it has itself. Argument: the process ("server", or its name).
set -u
HOMEPORT_PROCESS=$1
export HOMEPORT_PROCESS
running=
# timeout makes a group of its own for itself and the command. One that is told to end while it begins the command ends without
# telling it (coreutils 9.1), so the whole group is told.
stop() {
    pid=${running:+${!:-}}
    [ -z "$pid" ] || kill -s TERM -- "-$pid" 2>/dev/null || kill -s TERM "$pid" 2>/dev/null
    exit 143
}
trap stop TERM INT HUP
# Runs a command to its end, with all that it has started. Arguments: how many seconds it may take, the command, and how it
# is shown.
step() {
    began=$(date +%s)
    status=0 running=yes
    timeout --kill-after={{ kill_seconds }} "$1" sh -euc "$2" &
    wait "$!" || status=$?
    running=
    [ "$status" -ne 0 ] || return 0
    how="failed (status $status)"
    [ $(($(date +%s) - began)) -lt "$1" ] || how="took longer than $1 s (timeout_seconds) and was stopped"
    printf 'homeport: before_start: %s %s\n' "$3" "$how"
    exit 1
}
{% block commands %}
{% for one in before_start %}
step {{ one.timeout_seconds }} {{ one.command | shell_quote }} {{ one.command.split() | join(" ") | shell_quote }}
{% endfor %}
{% endblock %}
