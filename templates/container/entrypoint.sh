#!/bin/sh
# Written by homeport for {{ app }}: the entry point of its containers. Put your own in overrides/container/entrypoint.sh.
#   serve          the server{{ ", after the migration unless HOMEPORT_MIGRATE=no" if migrates }}
{% if migrates %}
#   migrate        the migration alone
{% endif %}
{% for one in processes %}
#   process {{ one.name }}
{% endfor %}
{% for one in timers %}
#   timer {{ one.name }}
{% endfor %}
#   anything else  a command, which is run unchanged
set -eu
umask 0077
running=
# A signal that the first process of a container does not handle does not end it, and the engine would wait for it.
# timeout makes a group of its own for itself and the command. One that is told to end while it begins the command ends without
# telling it (coreutils 9.1), so the whole group is told.
stop() {
    pid=${running:+${!:-}}
    [ -z "$pid" ] || { kill -s TERM -- "-$pid" || kill -s TERM "$pid"; } 2>/dev/null || :
    [ -z "$pid" ] || wait "$pid" || :
    exit 143
}
trap stop TERM INT
# Runs a command to its end, and passes a signal on to it; its exit status is in `status`.
# That there is one is said before it starts: the signal may come before its number could be kept.
run() {
    status=0 running=yes
    "$@" &
    wait "$!" || status=$?
    running=
}
fail() {
    echo "homeport: $1" >&2
    exit 2
}
# A secret is a variable, or a file: /run/secrets/NAME, or the one that NAME_FILE names; line breaks at the end do not count.
secret() {
    eval "found=\${$1+yes} file=\${$1_FILE:-/run/secrets/$1}"
    [ -z "$found" ] || return 0
    [ -r "$file" ] || fail "the secret $1 is missing: give it as a variable, or as the file $file"
    value=$(cat "$file")
    export "$1=$value"
}
{% block secrets %}
{% for name in secret_names %}
secret {{ name }}
{% endfor %}
{% endblock %}
{% if state_folders or state_files %}
# The image has links to these in the state directory, which gets what the code brings once: whole, or not at all.
keep() {
    kept="$STATE_DIRECTORY/$1"
    [ ! -e "$kept" ] || return 0
    mkdir -p "$(dirname "$kept")"
    new=$(mktemp -d "$STATE_DIRECTORY/.new.XXXXXX")
    if [ -e "/app/.homeport/state/$1" ]; then cp -R "/app/.homeport/state/$1" "$new/"; elif [ "$2" = folder ]; then mkdir "$new/${1##*/}"; fi
    # Another container may have been faster.
    [ ! -e "$new/${1##*/}" ] || mv -T "$new/${1##*/}" "$kept" 2>/dev/null || [ -e "$kept" ]
    rm -rf "$new"
}
{% for path in state_folders %}
keep {{ path | shell_quote }} folder
{% endfor %}
{% for path in state_files %}
keep {{ path | shell_quote }} file
{% endfor %}
{% endif %}
{% if migrates %}
{% block migrate %}
{% if commands is none %}
migration() {
    alembic upgrade head
}
{% else %}
migration() {
{% for command in commands %}
    sh -euc {{ command | shell_quote }}
{% endfor %}
}
{% endif %}
{% endblock %}
# The lock is for containers that share the folder; SQLite does not survive two migrations at once.
migrate() {
    run timeout --kill-after={{ kill_seconds }} {{ migrate_seconds }} flock "$STATE_DIRECTORY" "$0" migrate-now
    [ "$status" -ne 124 ] || echo "homeport: the migration took longer than {{ migrate_seconds }} s (migrate_timeout_seconds) and was stopped" >&2
    [ "$status" -eq 0 ] || { echo "homeport: the migration failed (status $status)" >&2; exit "$status"; }
}
{% endif %}
before() {
{% if before_start %}
    run /app/.homeport/before-start "$1"
    [ "$status" -eq 0 ] || exit "$status"
{% else %}
    :
{% endif %}
}
# As many workers as there are processors, but no more than fit into three quarters of the container's memory.
workers_that_fit() {
    bytes=$(($(awk '/^MemTotal:/ { print $2 }' /proc/meminfo) * 1024))
    for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
        limit=$(cat "$file" 2>/dev/null) || continue
        case $limit in *[!0-9]* | ????????????????*) ;; *) [ "$limit" -ge "$bytes" ] || bytes=$limit ;; esac
    done
    count=$((bytes / 1048576 * 3 / 4 / {{ worker_megabytes }}))
    [ "$count" -le "$(nproc)" ] || count=$(nproc)
    [ "$count" -ge 1 ] || count=1
    echo "$count"
}
serve() {
    PORT=${PORT:-{{ port }}}
    workers=${WEB_CONCURRENCY:-{{ workers }}}
    # gunicorn reads it too, and accepts only a number.
    unset WEB_CONCURRENCY
    case $PORT in "" | *[!0-9]*) fail "PORT is not a port number: $PORT" ;; esac
    [ "$workers" != auto ] || workers=$(workers_that_fit)
    case $workers in "" | 0* | *[!0-9]*) fail "WEB_CONCURRENCY is neither a number of workers nor auto: $workers" ;; esac
    export PORT
{% block command %}
{% if several is none %}
    exec {{ alone }}
{% else %}
    [ "$workers" != 1 ] || exec {{ alone }}
    exec {{ several }}
{% endif %}
{% endblock %}
}
case ${1-serve} in
serve)
{% if migrates %}
    [ "${HOMEPORT_MIGRATE-yes}" = no ] || migrate
{% endif %}
    before server
    serve
    ;;
{% if migrates %}
migrate) migrate ;;
migrate-now)
    trap - TERM INT
    migration
    ;;
{% endif %}
process)
    case ${2-} in
{% for one in processes %}
    {{ one.name }})
        before {{ one.name }}
        exec sh -euc {{ one.command | replace_shell | shell_quote }}
        ;;
{% endfor %}
    *) fail "there is no process ${2-}" ;;
    esac
    ;;
timer)
    case ${2-} in
{% for one in timers %}
    {{ one.name }}) exec timeout --kill-after={{ kill_seconds }} {{ one.timeout_seconds }} sh -euc {{ one.command | replace_shell | shell_quote }} ;;
{% endfor %}
    *) fail "there is no timer ${2-}" ;;
    esac
    ;;
*) exec "$@" ;;
esac
