# Installs the upgrades that unattended-upgrades would install in its next run: the distribution's choice. Argument: how
# long to wait for another apt (seconds). apt-get downloads them, since it can use the controller's network on a host without
# internet access; unattended-upgrade then finds them on the disk.
set -eu
exec </dev/null
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
log=$(mktemp)
trap 'rm -f "$log"' EXIT
fail() {
    tool_log 15 "$log"
    echo "error: upgrade: $1" >&2
    exit 1
}
command -v unattended-upgrade >/dev/null || fail "unattended-upgrades is not on the host; set security_upgrades = True and deploy"
read_lists "$1"
echo "downloading"
apt-get -q -y ${apt_options:-} --download-only -o APT::Get::Upgrade-Allow-New=true -o DPkg::Lock::Timeout="$1" \
    -o Acquire::Retries="$apt_retries" upgrade >"$log" 2>&1 || {
    why=$(disk_full "$(cat "$log")" /var /tmp) || why=$(grep -m 1 '^E: ' "$log" | cut -c 4-)
    fail "the packages cannot be downloaded: $why"
}
echo "installing"
# It does nothing while another apt is at work, and says so only in its output, not by its exit status.
deadline=$(($(date +%s) + $1))
until unattended-upgrade --verbose >"$log" 2>&1 && ! grep -qi 'lock could not be acquired' "$log"; do
    grep -qiE 'lock could not be acquired|already running' "$log" && [ "$(date +%s)" -lt "$deadline" ] ||
        fail "unattended-upgrade did not succeed; see /var/log/unattended-upgrades on the host"
    echo "waiting for another apt to finish"
    sleep 3
done
names=$(sed -n 's/.*Packages that will be upgraded: *//p' "$log" | tr '\n' ' ')
echo "upgraded: ${names:-no package needed an upgrade}"
[ ! -e /run/reboot-required ] || echo "warning: an upgrade waits for a reboot"
