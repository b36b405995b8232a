#!/bin/sh
# Written by homeport (`export docker {{ target }}`) for {{ app }}: installs the units beside it, or brings them up to date, and
# starts the application with the image {{ image }}:TAG. Run as root on the machine; argument: TAG ("latest" without one).
set -eu
app={{ app }}
here=$(dirname -- "$(realpath -- "$0")")
fail() {
    echo "error: $1" >&2
    exit 2
}
[ "$(id -u)" = 0 ] || fail "run this as root"
command -v docker >/dev/null || fail "docker is not installed: apt install docker.io"
docker image inspect "{{ image }}:${1-latest}" >/dev/null || fail "there is no image {{ image }}:${1-latest} here: docker pull or docker load it"
lib="/usr/local/lib/$app"
system="/etc/systemd/system"
{% with record = "installed" %}
{% include "exports/check.sh" %}
{% endwith %}
check "$lib/container" container
for unit in {{ units | join(" ") }}; do
    check "$system/$unit" "$unit"
    # A unit in /etc would replace a unit of a package.
    for folder in "/run/systemd/system" "/usr/local/lib/systemd/system" "/usr/lib/systemd/system" "/lib/systemd/system"; do
        [ ! -e "$folder/$unit" ] || fail "$folder/$unit is there and would be replaced: set another app_name and export again"
    done
done
install -d -m 0755 "/etc/$app" "$lib"
install -d -m 0700 "/etc/$app/secrets"
{% for name in secret_names %}
# The application's user in the container reads it; nobody else can enter the folder.
[ ! -e "$here/secrets/{{ name }}" ] || install -m 0400 -o {{ user_id }} -g {{ user_id }} "$here/secrets/{{ name }}" "/etc/$app/secrets/{{ name }}"
[ -e "/etc/$app/secrets/{{ name }}" ] || fail "the secret {{ name }} is missing: put its value into /etc/$app/secrets/{{ name }}"
chown {{ user_id }}:{{ user_id }} "/etc/$app/secrets/{{ name }}" && chmod 0400 "/etc/$app/secrets/{{ name }}"
{% endfor %}
echo "${1-latest}" >"/etc/$app/tag"
install -m 0755 "$here/container" "$lib/container"
# What an earlier export had and this one does not have: a process, a timer.
for unit in $(cat "$lib/installed" 2>/dev/null); do
    case " container {{ units | join(" ") }} " in *" $unit "*) continue ;; esac
    systemctl disable --quiet --now "$unit" || :
    rm -f "$system/$unit"
done
printf '%s\n' container {{ units | join(" ") }} >"$lib/installed"
for unit in {{ units | join(" ") }}; do
    install -m 0644 "$here/$unit" "$system/$unit"
done
systemctl daemon-reload
systemctl enable --quiet {{ enabled | join(" ") }}
{% for one in timers %}
systemctl restart {{ app }}.{{ one.name }}.timer
{% endfor %}
if ! systemctl restart "$app.service"; then
    journalctl --unit "$app.service" --lines 20 --no-pager >&2
    echo "error: $app does not start; systemd goes on trying" >&2
    exit 1
fi
echo "$app is healthy at 127.0.0.1:{{ host_port }}"
