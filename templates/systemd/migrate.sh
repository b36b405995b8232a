#!/bin/sh
# Written by homeport for {{ app }}, release {{ release_id }}: migrates the database, as the application's user, in the release's folder.
set -eu
{% block path %}
PATH="$PWD/.venv/bin:$PWD/.homeport/bin:$PATH"
export PATH
{% endblock %}
{% block commands %}
{% if commands is none %}
report=$(mktemp -d)
status=0
# Writes `at REVISION…` for each version table and `has REVISION PARENT…` for each migration of this release.
look() {
    python - "$report/revisions" >"$report/looked" 2>&1 <<'END'
import sys

del sys.path[0]
from alembic.config import CommandLine, Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

config = Config("alembic.ini", cmd_opts=CommandLine("alembic").parser.parse_args(["current"]))
scripts = ScriptDirectory.from_config(config)
lines = [("has", one.revision, *one._all_down_revisions) for one in scripts.walk_revisions()]


def look(heads, context):
    lines.append(("at", *heads))
    return []


with EnvironmentContext(config, scripts, fn=look, dont_mutate=True):
    scripts.run_env()
with open(sys.argv[1], "w") as found:
    found.writelines(" ".join(line) + "\n" for line in lines)
END
}
# Alembic takes 0003, which another release has run, for 0003b of this one: the host program has written down such names.
mistaken() {
    [ -z "${ALEMBIC_CONFIG:-}" ] && [ -s "${0%/*}/mistaken" ] && look &&
        sed -n 's/^at //p' "$report/revisions" | tr ' ' '\n' | grep -Fqx -f "${0%/*}/mistaken"
}
# An older commit meets a database that is ahead of it, which is no error: migrations are not undone. Two branches with
# migrations of one parent, and a squash, look the same to Alembic, and there migrations were not run. So Alembic tells at
# what the database is and what this release has, and the host program knows what came before.
is_ahead() {
    /usr/local/lib/homeport/homeport-host check-revisions --app {{ app }} --release {{ release_id }} <"$report/revisions" || return
    echo "The database is ahead of release {{ release_id }} and has all of its migrations: left alone."
}
if mistaken; then
    is_ahead || status=1
else
    { alembic upgrade head 2>&1 && echo 0 >"$report/status" || echo $? >"$report/status"; } | tee "$report/output"
    # What was killed, or had no room to say how it ended, has not ended well.
    status=$(cat "$report/status" 2>/dev/null) || :
    status=${status:-1}
    if [ "$status" -ne 0 ] && [ -z "${ALEMBIC_CONFIG:-}" ] && grep -q "Can't locate revision identified by" "$report/output"; then
        look || { cat "$report/looked"; : >"$report/revisions"; }
        ! is_ahead || status=0
    fi
fi
rm -rf "$report"
exit "$status"
{% else %}
{% for command in commands %}
sh -euc '{{ command | replace("'", "'\\''") }}'
{% endfor %}
{% endif %}
{% endblock %}
