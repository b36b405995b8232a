#!/bin/sh
# Written by homeport for {{ app }}, release {{ release_id }}: what is done before each start of a process, by the user,
# in the sandbox and in the folder that it has itself. Argument: the process ("server", or its name).
set -u
HOMEPORT_PROCESS=$1
export HOMEPORT_PROCESS
child=
trap '[ -z "$child" ] || kill -TERM "$child"; exit 143' TERM INT HUP
# Runs a command to its end, with all that it has started. Arguments: how many seconds it may take, the command, and how it
# is shown.
step() {
    began=$(date +%s)
    timeout --kill-after={{ kill_seconds }} "$1" sh -euc "$2" &
    child=$!
    status=0
    wait "$child" || status=$?
    child=
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
