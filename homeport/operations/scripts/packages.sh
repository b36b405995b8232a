# Installs Debian packages, and makes homeport's tools meanwhile. Arguments: how long to wait for another apt (seconds), the
# digest of the tools' lock ("": none are to be made), the packages that these need, then the others. Standard input: the
# tools' requirements, with hashes.
set -eu
timeout=$1
digest=$2
needed=$3
shift 3
# What apt runs shall not read it.
exec 3<&0 </dev/null
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
log=$(mktemp)
trap 'rm -f "$log"' EXIT
fail() {
    wait
    tool_log 15 "$log"
    echo "error: packages: $1" >&2
    exit 1
}
# A fresh cloud machine upgrades itself at first boot.
read_lists "$timeout"
# Nothing that is installed goes for it: what conflicts with a package of ours may serve somebody.
attempt() {
    apt-get -q -y ${apt_options:-} --no-remove --no-install-recommends -o DPkg::Lock::Timeout="$timeout" -o Acquire::Retries="$apt_retries" \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@" >"$log" 2>&1
}
# A power cut in the middle of an installation leaves a journal of dpkg's; apt does nothing before that is played back.
finish_earlier() {
    grep -q 'dpkg was interrupted' "$log" || return 1
    echo "finishing an installation that was interrupted"
    dpkg --force-confdef --force-confold --configure -a >"$log" 2>&1 ||
        fail "an earlier installation was interrupted, and dpkg cannot finish it: $(grep -m 1 'error' "$log"); see: dpkg --audit"
}
install() {
    echo "installing $*"
    attempt "$@" || { finish_earlier && attempt "$@"; } || {
        gone=$(sed -n '/will be REMOVED:/,/^[^ ]/s/^  *//p' "$log" | tr '\n' ' ')
        [ -z "$gone" ] || fail "installing $* would remove ${gone% }; homeport does not remove it: remove it yourself if nobody needs it, and deploy again"
        fail "they cannot be installed: $(grep -m 1 '^E: ' "$log" | cut -c 4-)"
    }
}
[ -z "$needed" ] || install $needed
if [ -n "$digest" ]; then
    echo "making the tools (Certbot, uv) meanwhile"
    # Their own phase reports what goes wrong with them: it makes them again.
    make_tools "$digest" <&3 >/dev/null 2>&1 &
fi
[ $# -eq 0 ] || install "$@"
wait
