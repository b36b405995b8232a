#!/bin/sh
# Written by homeport (`export kubernetes {{ target }}`) for {{ app }}: a release on a cluster, by kubectl as it is set up here.
#   sh release.sh TAG                 the image {{ image }}:TAG (or sha256:DIGEST)
#   sh release.sh --no-migration TAG  without the migration: the way back to an older image
#   OVERLAY=overlays/{{ overlay }} sh release.sh TAG    the same from Kustomize, an overlay of your own included
# In this order: settings and secrets{{ ", the migration" if migrates }}, the server{{ ", what runs beside it" if beside }}. It ends where something fails; what
# fails to roll out is taken back. Status 0: done, 1: failed, and the old release goes on serving, 2: something is missing.
set -eu
umask 0077
namespace={{ namespace | shell_quote }}
image={{ image | shell_quote }}
folder=$(cd "$(dirname "$0")" && pwd)
overlay=${OVERLAY-}
kube() {
    kubectl --namespace "$namespace" "$@"
}
{% include "exports/release_arguments.sh" %}
command -v kubectl >/dev/null || fail "kubectl is missing" 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP
{% if secret_names %}
digest() {
    { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; } | cut -c1-10
}
secrets="$folder/overlays/{{ overlay }}/settings/secrets"
secret=
names="{{ secret_names | join(" ") }}"
if [ -z "$overlay" ]; then
    for name in $names; do
        [ -r "$secrets/$name" ] || fail "the secret $name is missing: put its value into $secrets/$name (homeport export kubernetes {{ target }} --secrets)" 2
    done
    # Another value is another name, and so a roll-out; an older release keeps its own.
    hash=$(for name in $names; do echo "$name" && digest <"$secrets/$name"; done | digest)
    secret="{{ app }}-secrets-$hash"
fi
{% endif %}
# Puts the image and the secret's name where the manifests say {{ image }}:latest and {{ app }}-secrets.
filled() {
    sed -e "s|^\( *-\{0,1\} *image: \)\"\{0,1\}{{ image_pattern }}:latest\"\{0,1\}\$|\1$reference|"{% if secret_names %}{{ " " }}\
        ${secret:+-e "s|^\( *secretName: \){{ app }}-secrets\$|\1$secret|"}{% endif %}{{ "" }}

}
if [ -n "$overlay" ]; then
    kubectl kustomize "$overlay" >"$work/read" || fail "kubectl cannot read the overlay $overlay" 2
    filled <"$work/read" >"$work/objects"
{% if migrates %}
    kubectl kustomize "$overlay/migration" >"$work/read" || fail "kubectl cannot read the overlay $overlay/migration" 2
    filled <"$work/read" >"$work/migration"
{% endif %}
else
    for part in settings server{{ " processes" if beside }}; do
        echo ---
        cat "$folder/manifests/$part.yaml"
    done | filled >"$work/objects"
{% if migrates %}
    filled <"$folder/manifests/migration.yaml" >"$work/migration"
{% endif %}
fi
grep -q "image: $reference\$" "$work/objects" || fail "no manifest has the image $image:latest, which is where $reference belongs" 2
# Who may not ask for namespaces may have one all the same.
problem=$(kubectl get namespace "$namespace" --output=name 2>&1 >/dev/null) || case $problem in
*orbidden*) ;;
*NotFound*) fail "there is no namespace $namespace: kubectl apply -f $folder/namespace.yaml" 2 ;;
*) fail "kubectl reaches no cluster: $(printf '%s' "$problem" | tail -n 1)" 2 ;;
esac
{% for group, kind, what in needs %}
! grep -q '^apiVersion: {{ group }}/' "$work/objects" || kubectl api-resources --api-group={{ group }} --output=name 2>/dev/null | grep -q '^{{ kind }}\.' || fail "the cluster has no {{ what }}" 2
{% endfor %}
{% if image_pull_secret %}
kube get secret {{ image_pull_secret }} --output=name >/dev/null 2>&1 || fail "there is no secret {{ image_pull_secret }} with the registry's login: kubectl --namespace $namespace create secret docker-registry {{ image_pull_secret }} --docker-server=… --docker-username=… --docker-password=…" 2
{% endif %}

apply() {
    kube apply --filename="$work/objects" --selector="$1" || fail "the cluster does not take the manifests"
}
state() {
    kube get job {{ app }}-migrate --ignore-not-found --output='jsonpath={.metadata.uid}{range .status.conditions[?(@.status=="True")]} {.type}{end}'
}
{% if migrates %}
# One migration at a time: a Job is made by whoever comes first, and taken away only when it has ended.
migrate() {
    found=$(state) || fail "kubectl cannot ask for the Job {{ app }}-migrate"
    case $found in
    "") ;;
    *" Complete"* | *" Failed"*)
        # By its uid, so that it is not one that somebody else has just made.
        printf '{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background","preconditions":{"uid":"%s"}}' "${found%% *}" >"$work/delete"
        kubectl delete --raw="/apis/batch/v1/namespaces/$namespace/jobs/{{ app }}-migrate" --filename="$work/delete" >/dev/null || fail "the Job of the last migration cannot be deleted"
        ;;
    *) fail "a migration is running, by another release: kubectl --namespace $namespace logs --follow job/{{ app }}-migrate" ;;
    esac
    kube create --filename="$work/migration" --selector=app.kubernetes.io/component=migration || fail "the migration was not started, and nothing was rolled out"
    attempts={{ migrate_attempts }}
    while [ "$attempts" -gt 0 ]; do
        found=$(state) || found=
        case $found in
        *" Complete"*) return 0 ;;
        *" Failed"*) break ;;
        esac
        attempts=$((attempts - 1))
        sleep 2
    done
    kube logs job/{{ app }}-migrate --tail=50 >&2 || kube describe job/{{ app }}-migrate >&2 || :
    fail "the migration failed: nothing was rolled out, and what served before goes on"
}
{% endif %}
# Waits for a Deployment ($1), and takes it back to the revision that it had ($2) when it does not become available.
rolled() {
    kube rollout status "deployment/$1" && return 0
    say "$1 did not become available; what its containers say:"
    kube get pods --selector="$3" >&2 || :
    # Those of the new release, which is the last one that was made.
    pod=$(kube get pods --selector="$3" --sort-by=.metadata.creationTimestamp --output=name | tail -n 1) || pod=
    [ -z "$pod" ] || kube logs "$pod" --tail=30 >&2 || :
    [ -n "$2" ] || fail "$1 was not rolled out, and there is nothing before it to go back to"
    [ "$2" != "$(revision "$1")" ] || fail "$1 has not changed, and is not available"
    kube rollout undo "deployment/$1" --to-revision="$2" || fail "$1 was not rolled out, and cannot be taken back"
    fail "$1 was taken back to what it was"
}
revision() {
    kube get deployment "$1" --ignore-not-found --output='jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}'
}

say "$reference to the namespace $namespace of $(kubectl config current-context 2>/dev/null || echo 'the cluster')"
apply app.kubernetes.io/component=settings
{% if secret_names %}
if [ -n "$secret" ]; then
    kube get secret "$secret" --output=name >/dev/null 2>&1 || kube create secret generic "$secret"{% for name in secret_names %} --from-file="$secrets/{{ name }}"{% endfor %}

    kube label --overwrite secret "$secret" app.kubernetes.io/name={{ app }} app.kubernetes.io/component=settings >/dev/null
fi
{% endif %}
{% if migrates %}
[ "$migrates" = no ] || migrate
{% endif %}
before=$(revision {{ app }})
apply app.kubernetes.io/component=server
rolled {{ app }} "$before" app.kubernetes.io/name={{ app }},app.kubernetes.io/component=server
{% if beside %}
{% for one in processes %}
before_{{ loop.index }}=$(revision {{ app }}-{{ one.name }})
{% endfor %}
apply 'app.kubernetes.io/component in (process, timer)'
{% for one in processes %}
rolled {{ app }}-{{ one.name }} "$before_{{ loop.index }}" app.kubernetes.io/name={{ app }},homeport/process={{ one.name }}
{% endfor %}
{% endif %}

# Settings and secrets that no release which is kept has any more.
used=$(kube get replicasets,jobs,cronjobs --selector=app.kubernetes.io/name={{ app }} --output=yaml) || exit 0
used="$used
"
for kind in configmap secret; do
    for one in $(kube get "$kind" --selector=app.kubernetes.io/name={{ app }},app.kubernetes.io/component=settings --output='jsonpath={.items[*].metadata.name}'); do
        case $used in
        *": $one
"*) ;;
        *) kube delete "$kind" "$one" >/dev/null || : ;;
        esac
    done
done
say "done"
