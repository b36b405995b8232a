#!/bin/sh
# Written by homeport for {{ app }}, release {{ release_id }}: migrates the database, as the application's user, in the release's folder.
set -eu
{% block path %}
PATH="$PWD/.venv/bin:$PATH"
export PATH
{% endblock %}
{% block commands %}
{% if commands is none %}
report=$(mktemp -d)
status=0
{ alembic upgrade head 2>&1 || echo $? >"$report/status"; } | tee "$report/output"
[ ! -e "$report/status" ] || status=$(cat "$report/status")
# After a rollback the database is ahead of the release. That is no error: migrations are not undone.
if [ "$status" -ne 0 ] && grep -q "Can't locate revision identified by" "$report/output"; then
    echo "The database is ahead of release {{ release_id }}: left alone."
    status=0
fi
rm -rf "$report"
exit "$status"
{% else %}
{% for command in commands %}
sh -euc '{{ command | replace("'", "'\\''") }}'
{% endfor %}
{% endif %}
{% endblock %}
