#!/bin/sh
# Written by homeport (`export compose {{ target }}`) for {{ app }}: a release, beside compose.yaml.
#   sh release.sh TAG                 the image {{ image }}:TAG (or TAG@sha256:DIGEST)
#   sh release.sh --no-migration TAG  without the migration: the way back to an older image
{% if overlaps %}
# In this order: {{ "the migration, " if migrates }}the new release as `next`, the proxy turned to it once it is healthy, the application replaced, the
# proxy turned back, `next` ended{{ ", the processes" if processes }}. A release that does not become healthy does not go live, and no request is lost.
# Status 0: done, 1: failed, and what served goes on serving, 2: something is missing, and nothing was changed.
{% else %}
# In this order: {{ "the migration, " if migrates }}the application{{ ", the processes" if processes }}. The old container ends before the new one starts (switch), and
# nobody is answered meanwhile. Status 0: done, 1: failed, 2: something is missing, and nothing was changed.
{% endif %}
set -eu
app={{ app }}
image={{ image | shell_quote }}
cd "$(dirname "$0")"
{% include "exports/release_arguments.sh" %}
case $tag in sha256:*) fail "compose.yaml names an image by its tag: sh release.sh TAG@$tag" 2 ;; esac
command -v docker >/dev/null || fail "docker is missing" 2
if docker compose version >/dev/null 2>&1; then
    compose() { docker compose{{ " --profile next" if overlaps }} "$@"; }
else
    command -v docker-compose >/dev/null || fail "docker compose is missing" 2
    compose() { docker-compose{{ " --profile next" if overlaps }} "$@"; }
fi
TAG=$tag
export TAG
{% for name in secret_names %}
[ -r "secrets/{{ name }}" ] || fail "the secret {{ name }} is missing: put its value into secrets/{{ name }} (homeport export compose {{ target }} --secrets)" 2
{% endfor %}
if command -v flock >/dev/null; then
    exec 9<compose.yaml
    flock --nonblock 9 || fail "another release runs" 2
fi
if ! docker image inspect "$reference" >/dev/null 2>&1; then
    case $image in */*) docker pull "$reference" >&2 || : ;; esac
    docker image inspect "$reference" >/dev/null 2>&1 || fail "there is no image $reference: TAG=$tag docker compose build" 2
fi
# The container of a service that runs; nothing without one.
running() {
    docker ps --quiet --filter "label=com.docker.compose.project=$app" --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False
}
{% if overlaps %}
in_proxy() {
    compose exec -T proxy "$@" </dev/null
}
{% endif %}
start() {
    compose up --detach --no-deps --force-recreate "$1" >&2 || fail "$1 was not started with $reference"
}
# Waits until a service is healthy. Fails as soon as its server has ended, since the engine would start that for ever.
healthy() {
    attempts={{ start_seconds + 30 }}
    while [ "$attempts" -gt 0 ]; do
        case $(docker inspect --format '{{ "{{.RestartCount}} {{.State.Health.Status}}" }}' "$(running "$1")" 2>/dev/null) in
        "0 healthy") return 0 ;;
        "0 starting") ;;
        *) break ;;
        esac
        attempts=$((attempts - 1))
        sleep 1
    done
    compose logs --no-color --tail 30 "$1" >&2 || :
    return 1
}
{% if overlaps %}
# A request that the proxy was about to pass on when it was turned has reached the server by then, which answers what it has before it
# stops.
settle() {
    sleep 2
}
end_next() {
    compose rm --stop --force next >&2 || say "next was not removed: docker compose --profile next rm --stop --force next"
}
{% endif %}
say "$reference for $app"
{% if overlaps %}
stands_in=no
if [ -n "$(running proxy)" ] && in_proxy test -e /config/next; then
    # A release that was cut off: its `next` may be all that serves.
    if [ -n "$(running next)" ]; then stands_in=yes; else in_proxy rm -f /config/next; fi
fi
{% endif %}
{% if migrates %}
if [ "$migrates" = yes ]; then
    compose run --rm -T --no-deps migrate </dev/null >&2 || fail "the migration failed: nothing was released, and what served before goes on"
fi
{% endif %}
{% if overlaps %}
if [ -n "$(running app)" ] && [ -n "$(running proxy)" ] && [ "$stands_in" = no ]; then
    start next
    if ! healthy next; then
        end_next
        fail "$reference did not become healthy: it is not live, and what served before goes on"
    fi
    # One with an older Caddyfile would not look at the file.
    compose up --detach --no-deps proxy >&2
    in_proxy touch /config/next
    settle
    stands_in=yes
fi
{% endif %}
start app
if ! healthy app; then
{% if overlaps %}
    [ "$stands_in" = no ] || fail "app did not become healthy: next goes on in its place; release again"
{% endif %}
    fail "$reference did not become healthy"
fi
compose up --detach --no-deps proxy >&2
{% if overlaps %}
if [ "$stands_in" = yes ]; then
    in_proxy rm -f /config/next
    settle
fi
end_next
{% endif %}
{% if processes %}
compose up --detach --no-deps {% for one in processes %}{{ one.name | shell_quote }} {% endfor %}>&2 || fail "$reference is live, but its processes were not started"
{% endif %}
say "done"
