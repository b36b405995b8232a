#!/bin/sh
# Written by homeport (`export swarm {{ target }}`) for {{ app }}: a release on a swarm, on one of its managers.
#   sh release.sh TAG                 the image {{ image }}:TAG (or sha256:DIGEST)
#   sh release.sh --no-migration TAG  without the migration: the way back to an older image
# In this order: secrets{{ ", the migration" if migrates }}, the stack. A server that does not become healthy is taken back by Swarm.
# Status 0: done, 1: failed, and the old release goes on serving, 2: something is missing, and nothing was changed.
set -eu
umask 0077
app={{ app }}
image={{ image | shell_quote }}
folder=$(cd "$(dirname "$0")" && pwd)
{% include "exports/release_arguments.sh" %}
IMAGE=$reference
export IMAGE
command -v docker >/dev/null || fail "docker is missing" 2
[ "$(docker info --format '{{ "{{.Swarm.ControlAvailable}}" }}' 2>/dev/null)" = true ] || fail "this is no manager of a swarm: docker swarm init, or run it on one" 2
# A volume is of one node. Where there is one alone, it is that one; else a person says which.
labelled() {
    nodes=$(docker node ls --quiet)
    case $(echo "$nodes" | xargs docker node inspect --format "{{ '{{index .Spec.Labels \\"$app.$1\\"}}' }}") in *yes*) return 0 ;; esac
    case $nodes in
    *"
"*) fail "no node has $2: docker node update --label-add $app.$1=yes NODE" 2 ;;
    esac
    docker node update --label-add "$app.$1=yes" "$nodes" >/dev/null
}
{% for name in secret_names %}
[ -r "$folder/secrets/{{ name }}" ] || fail "the secret {{ name }} is missing: put its value into $folder/secrets/{{ name }} (homeport export swarm {{ target }} --secrets)" 2
{% endfor %}
labelled proxy "the site's address, for the proxy and its certificates"
{% if state %}
labelled state "the application's state"
{% endif %}
say "$IMAGE to the swarm"
# The first has no way out.
docker network inspect "$app-inside" >/dev/null 2>&1 || docker network create --driver overlay --internal "$app-inside" >/dev/null
docker network inspect "$app-outside" >/dev/null 2>&1 || docker network create --driver overlay "$app-outside" >/dev/null
{% if secret_names %}
# Another value is another name, and so an update; the release before keeps its own.
secret() {
    file="$folder/secrets/$1"
    name="$app-$1-$({ if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; } <"$file" | cut -c1-10)"
    docker secret inspect "$name" >/dev/null 2>&1 || docker secret create --label "homeport.app=$app" "$name" "$file" >/dev/null
    export "SECRET_$1=$name"
}
{% for name in secret_names %}
secret {{ name }}
{% endfor %}
{% endif %}
{% if migrates %}
migrate() {
    # Two at a time are refused by the name.
    problem=$(docker service create --detach --with-registry-auth --name "$app-migrate" --mode replicated --restart-condition none \
        --init --read-only --cap-drop ALL --mount type=tmpfs,target=/tmp --env HOMEPORT_MIGRATE=no --no-healthcheck \
{% for name in secret_names %}
        --secret "source=$SECRET_{{ name }},target={{ name }},uid={{ user_id }},gid={{ user_id }},mode=0400" \
{% endfor %}
{% for one in networks %}
        --network "$app-{{ one }}" \
{% endfor %}
{% if state %}
        --mount "type=volume,source=$app-state,target={{ state }}" --constraint "node.labels.$app.state == yes" \
{% else %}
        --mount type=tmpfs,target={{ scratch }} \
{% endif %}
{% for name, value in resources.items() %}
        --limit-{{ "cpu" if name == "cpus" else name }} {{ value }} \
{% endfor %}
        "$IMAGE" migrate 2>&1 >/dev/null) || case $problem in
    *"already exists"*) fail "a migration is running, by another release: docker service logs --follow $app-migrate" ;;
    *) fail "the migration was not started, and nothing was rolled out: $(printf '%s' "$problem" | tail -n 1)" ;;
    esac
    attempts={{ migrate_attempts }}
    found=
    while [ "$attempts" -gt 0 ]; do
        found=$(docker service ps --no-trunc --format '{{ "{{.CurrentState}} {{.Error}}" }}' "$app-migrate" | head -n 1) || found=
        case $found in Complete* | Failed* | Rejected* | Shutdown*) break ;; esac
        attempts=$((attempts - 1))
        sleep 2
    done
    case $found in
    Complete*) docker service rm "$app-migrate" >/dev/null ;;
    *)
        docker service logs --raw --tail 50 "$app-migrate" >&2 || :
        docker service rm "$app-migrate" >/dev/null || :
        fail "the migration failed ($found): nothing was rolled out, and what served before goes on"
        ;;
    esac
}
[ "$migrates" = no ] || migrate
{% endif %}
docker stack deploy --with-registry-auth --compose-file "$folder/stack.yaml" "$app" || fail "the swarm does not take the stack"
# The state of the last update, of which Swarm knows nothing more as soon as it is given another stack.
updated() {
    docker service inspect --format '{{ "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}" }}' "${app}_app" || :
}
# A container counts as running when it is healthy.
running() {
    docker service ls --filter "name=${app}_app" --format '{{ "{{.Name}} {{.Replicas}}" }}' | sed -n "s/^${app}_app //p"
}
tell() {
    docker service ps --no-trunc --format '{{ "{{.CurrentState}} {{.Error}}" }}' "${app}_app" | head -n 5 >&2 || :
    docker service logs --raw --tail 30 "${app}_app" >&2 || :
    fail "$1"
}
attempts={{ rollout_attempts }} quiet=0
while [ "$attempts" -gt 0 ]; do
    now=$(updated)
    case $now in
    completed) break ;;
    rollback_completed | rollback_paused | paused) tell "$IMAGE did not become healthy, and was taken back ($now)" ;;
    "")
        # A first release, or one that changes nothing; or an update that has not begun yet.
        quiet=$((quiet + 1))
        case $(running) in {{ replicas }}/{{ replicas }}*) [ "$quiet" -lt 5 ] || break ;; esac
        ;;
    *) quiet=0 ;;
    esac
    attempts=$((attempts - 1))
    sleep 2
done
[ "$attempts" -gt 0 ] || tell "$IMAGE is not healthy in time"
# Another stack's may have the ports of its node, or its image is not to be had.
attempts={{ rollout_attempts }} pending=0 now=
while [ "$attempts" -gt 0 ]; do
    now=$(docker service ps --no-trunc --filter desired-state=running --format '{{ "{{.CurrentState}} {{.Error}}" }}' "${app}_proxy" | head -n 1) || now=
    case $now in
    Running*) break ;;
    # One that is replaced gives the ports back within half a minute.
    Pending*) pending=$((pending + 1)) ;;
    esac
    [ "$pending" -lt 30 ] || break
    attempts=$((attempts - 1))
    sleep 2
done
case $now in
Running*) ;;
*) fail "$IMAGE is healthy, but its site is not served: ${app}_proxy does not run (${now:-no task}): docker service ps ${app}_proxy" ;;
esac
{% if secret_names %}
# Secrets that neither this release nor the one before has.
used=$(docker service ls --quiet --filter "label=com.docker.stack.namespace=$app" | xargs docker service inspect) || exit 0
for one in $(docker secret ls --filter "label=homeport.app=$app" --format '{{ "{{.Name}}" }}'); do
    case $used in *"\"$one\""*) ;; *) docker secret rm "$one" >/dev/null || : ;; esac
done
{% endif %}
say "done"
