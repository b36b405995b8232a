#!/bin/sh
# Written by homeport (`export quadlet {{ target }}`) for {{ app }}: installs the units beside it, or brings them up to date, and makes a
# release of the image {{ image }}:TAG. Run as root on the machine; argument: TAG ("latest" without one), or sha256:DIGEST.
# Status 0: done, 1: failed, and what was before serves again, 2: something is missing, and nothing was changed.
set -eu
umask 0077
app={{ app }}
here=$(dirname -- "$(realpath -- "$0")")
fail() {
    echo "error: $1" >&2
    exit "${2:-2}"
}
case ${1-latest} in
sha256:*) tag="@$1" ;;
*) tag=":${1-latest}" ;;
esac
image="{{ image }}$tag"
[ "$(id -u)" = 0 ] || fail "run this as root"
command -v podman >/dev/null || fail "podman is not installed: apt install podman catatonit"
version=$(podman version --format '{{ "{{.Client.Version}}" }}')
[ "${version%%.*}" -ge 5 ] || fail "podman $version is too old, these units need 5: Debian 13 has it; on Debian 12 use homeport export docker"
podman image exists "$image" || fail "there is no image $image here: podman pull or podman load it"
lib="/usr/local/lib/$app"
quadlets="/etc/containers/systemd"
system="/etc/systemd/system"
{% with record = "quadlets" %}
{% include "exports/check.sh" %}
{% endwith %}
# The generator's service takes the name of the unit's file, and one in /etc or of a package would hide it.
unused() {
    for folder in "/etc/systemd/system" "/usr/local/lib/systemd/system" "/usr/lib/systemd/system" "/lib/systemd/system"; do
        [ ! -e "$folder/$1" ] || fail "$folder/$1 is there and hides the unit of this name: move it away, or set another app_name and export again"
    done
}
for unit in {{ units | join(" ") }}; do
    check "$quadlets/$unit" "$unit"
    case $unit in
    *.container) unused "${unit%.container}.service" ;;
    *.network) unused "${unit%.network}-network.service" ;;
    *.volume) unused "${unit%.volume}-volume.service" ;;
    esac
done
{% for unit in timer_units %}
check "$system/{{ unit }}" {{ unit }}
{% endfor %}
{% for name in secret_names %}
[ -r "$here/secrets/{{ name }}" ] || podman secret exists "$app-{{ name }}" || fail "the secret {{ name }} is missing: podman secret create $app-{{ name }} FILE"
{% endfor %}
{% for name in secret_names %}
[ ! -r "$here/secrets/{{ name }}" ] || podman secret create --replace "$app-{{ name }}" "$here/secrets/{{ name }}" >/dev/null
{% endfor %}
install -d -m 0755 "/etc/$app" "$lib" "$quadlets"
# What an earlier export had and this one does not have: a process, a timer.
for unit in $(cat "$lib/quadlets" 2>/dev/null); do
    case " {{ (units + timer_units) | join(" ") }} " in *" $unit "*) continue ;; esac
    case $unit in
    *.timer) systemctl disable --quiet --now "$unit" || : ;;
    *.container) systemctl stop "${unit%.container}.service" || : ;;
    esac
    rm -f "$quadlets/$unit" "$system/$unit"
done
printf '%s\n' {{ (units + timer_units) | join(" ") }} >"$lib/quadlets"
for unit in {{ units | join(" ") }}; do
    install -m 0644 "$here/$unit" "$quadlets/$unit"
done
{% for unit in timer_units %}
install -m 0644 "$here/{{ unit }}" "$system/{{ unit }}"
{% endfor %}
before=$(cat "/etc/$app/release" 2>/dev/null) || before=
take() {
    echo "$1" >"/etc/$app/release.new"
    mv "/etc/$app/release.new" "/etc/$app/release"
}
take "TAG=$tag"
systemctl daemon-reload
# A mistake in a unit leaves its service out, and the generator alone says why.
systemctl cat "$app.service" >/dev/null 2>&1 || fail "podman's generator makes no $app.service: /usr/lib/systemd/system-generators/podman-system-generator --dryrun" 1
# Takes the image back that was there before. Arguments: what failed, and its unit.
back() {
    journalctl --unit "$2" --lines 20 --no-pager >&2 || :
    [ -n "$before" ] || fail "$1; there is nothing before it to go back to" 1
    take "$before"
    [ "$2" != "$app.service" ] || systemctl restart "$app.service" || fail "$1, and what was before does not start either" 1
    fail "$1; {{ image }}${before#TAG=} serves" 1
}
{% if migrates %}
# While what is there serves on.
systemctl restart "$app-migrate.service" || back "the migration failed" "$app-migrate.service"
{% endif %}
systemctl restart "$app.service" || back "$image does not become healthy" "$app.service"
{% if timer_units %}
systemctl enable --quiet {{ timer_units | join(" ") }}
systemctl restart {{ timer_units | join(" ") }}
{% endif %}
echo "$app is healthy at 127.0.0.1:{{ host_port }}"
