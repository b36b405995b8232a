# Installs Debian packages, and makes homeport's tools meanwhile. Arguments: how long to wait for another apt (seconds), the
# digest of the tools' lock ("": none are to be made), the packages that these need, then the others. Standard input: the
# tools' requirements, with hashes. Before them may be --condition, the path of a drop-in, and its content.
set -eu
drop_in=
if [ "$1" = --condition ]; then
    drop_in=$2
    condition=$3
    shift 3
fi
timeout=$1
digest=$2
needed=$3
shift 3
# The programs that apt runs must not read it.
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
# A Debian package starts its unit as it is installed, and enables it: with Debian's configuration, and maybe beside another
# proxy, which serves. So what says when the unit may start is on the disk before the unit is.
place_condition() {
    (umask 022 && mkdir -p "${drop_in%/*}" && printf '%s' "$condition" >"$drop_in.homeport-new") &&
        sync "$drop_in.homeport-new" && mv -fT "$drop_in.homeport-new" "$drop_in"
}
if [ -n "$drop_in" ]; then
    place_condition >"$log" 2>&1 || fail "$drop_in cannot be written: $(tail -n 1 "$log")"
    systemctl daemon-reload
fi
# A fresh cloud machine upgrades itself at first boot.
read_lists "$timeout"
# No installed package is removed: a package that conflicts with one of ours may be in use.
attempt() {
    apt-get -q -y ${apt_options:-} --no-remove --no-install-recommends -o DPkg::Lock::Timeout="$timeout" -o Acquire::Retries="$apt_retries" \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@" >"$log" 2>&1
}
# A power cut during an installation leaves a journal of dpkg; apt does nothing before dpkg has replayed that.
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
    # If this fails, the phase Tools makes them again, and reports what goes wrong.
    make_tools "$digest" <&3 >/dev/null 2>&1 &
fi
[ $# -eq 0 ] || install "$@"
wait
