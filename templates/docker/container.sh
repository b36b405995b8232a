#!/bin/sh
# Written by homeport (`export docker {{ target }}`) for {{ app }}: the command of its units. The image is {{ image }} with the tag in
# /etc/{{ app }}/tag ("latest" without such a file).
#   prepare | serve | wait-healthy | stop [NAME] | migrate{{ " | process NAME" if processes }}{{ " | timer NAME" if timers }} | run COMMAND
set -eu
app={{ app }}
tag=$(cat "/etc/$app/tag" 2>/dev/null) || tag=latest
image={{ image }}:$tag
secrets="/etc/$app/secrets"
fail() {
    echo "homeport: $1" >&2
    exit 2
}
# Runs a container of the image. Arguments: its name, and further arguments for `docker run`.
container() {
    name=$1
    shift
{% for name in secret_names %}
    [ -r "$secrets/{{ name }}" ] || fail "the secret {{ name }} is missing: put its value into $secrets/{{ name }}, as root"
    set -- --mount "type=bind,source=$secrets/{{ name }},target=/run/secrets/{{ name }},readonly" "$@"
{% endfor %}
    docker rm --force "$name" >/dev/null 2>&1 || :
{% block options %}
    exec docker run --rm --name "$name" --network "$app" --init --log-driver none \
        --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
        --volume "$app-state:{{ state }}" \
{% for option in options %}
        {{ option }} \
{% endfor %}
        --env HOMEPORT_MIGRATE=no{{ " --env WEB_CONCURRENCY=auto" if automatic }} "$@"
{% endblock %}
}
case ${1-} in
prepare)
    docker image inspect "$image" >/dev/null 2>&1 || fail "there is no image $image here: docker pull or docker load it"
    docker network inspect "$app" >/dev/null 2>&1 || docker network create "$app" >/dev/null
{% if migrates %}
    # Once for each image, and again after a boot; a restart after a crash does not migrate.
    id=$(docker image inspect --format '{{ "{{.Id}}" }}' "$image")
    [ "$(cat "/run/$app/migrated" 2>/dev/null)" != "$id" ] || exit 0
    "$0" migrate
    mkdir -p "/run/$app"
    echo "$id" >"/run/$app/migrated"
{% endif %}
    ;;
{# Only this network's containers reach the port, and they are the application's own. #}
serve) container "$app" --env 'FORWARDED_ALLOW_IPS=*' --publish 127.0.0.1:{{ host_port }}:{{ port }} "$image" serve ;;
wait-healthy)
    until [ "$(docker inspect --format '{{ "{{.State.Health.Status}}" }}' "$app" 2>/dev/null)" = healthy ]; do sleep 0.5; done
    ;;
stop) docker stop --time "${3-{{ stop_seconds }}}" "$app${2:+.$2}" ;;
migrate) container "$app.migrate" "$image" migrate ;;
{% if processes %}
process) container "$app.$2" --no-healthcheck "$image" process "$2" ;;
{% endif %}
{% if timers %}
timer) container "$app.$2" --no-healthcheck "$image" timer "$2" ;;
{% endif %}
run)
    shift
    container "$app.run-$$" --no-healthcheck --interactive "$image" "$@"
    ;;
*) fail "what shall be done? See the head of $0" ;;
esac
