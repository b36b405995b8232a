# THE FLOOR OF A RELEASE: upload, start, flip, drain, stop, as a plain script does it over one connection, on a host that
# homeport has provisioned. Run as root; standard input: the release's files, each in its place (tar, gzipped).
# Arguments: application, release id, the slot that it goes to, the slot that is live, the port of that one.
set -eu
app=$1 release=$2 slot=$3 old=$4 old_port=$5
etc=/etc/homeport/$app

tar -xzpf - -C /
ln -sfnT "../releases/$release" "/srv/$app/slots/$slot"
ln -sfnT "../releases/$release" "$etc/slots/$slot"
rm -f "$etc/$slot.migrated"
systemctl daemon-reload
touch "/run/homeport/$app.$slot.started"
# The unit requires the migration, and has started only when the application is healthy.
systemctl start "$app@$slot.service"
systemctl enable --quiet "$app@$slot.service"
sync

if [ "$slot" = green ]; then : >"$etc/live-green"; else rm -f "$etc/live-green"; fi
sync -f "$etc"

systemctl disable --quiet "$app@$old.service"
# Requests that chose their slot just before the flip reach it within this second.
sleep 1
waited=0
while [ "$(ss -Htn state established "( sport = :$old_port )" | wc -l)" -gt 0 ] && [ "$waited" -lt 150 ]; do
    sleep 0.2
    waited=$((waited + 1))
done
rm -f "/run/homeport/$app.$old.started"
systemctl stop "$app@$old.service" "$app-migrate@$old.service"
printf '{"event": "live", "release": "%s"}\n' "$release" >>"/srv/$app/releases.jsonl"
