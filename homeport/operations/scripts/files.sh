# Puts files in place: all of them or none. Standard input: a tar archive, gzipped and base64-encoded, with `manifest`
# (tab-separated: what to do, mode, owner, group, path) and the files under `root/` with their final mode and owner.
set -eu
umask 077
tab=$(printf '\t')
[ -d /etc/homeport ] || mkdir -m 755 /etc/homeport
# What a power cut left behind; another run may be at work now.
find /etc/homeport -maxdepth 1 -name '.stage.*' -mmin +60 -exec rm -rf {} +
fail() {
    echo "error: files: $1; nothing was replaced" >&2
    exit 1
}
# Usage: try DIRECTORY COMMAND…; the directory is what the command writes to.
try() {
    place=$1
    shift
    said=$("$@" 2>&1) || {
        why=$(disk_full "$said" "$place" /etc/homeport) || why=$(printf '%s\n' "$said" | tail -n 1)
        fail "$why"
    }
}
try /etc/homeport mktemp -d /etc/homeport/.stage.XXXXXX
stage=$said
new=.homeport-new
each() {
    while IFS="$tab" read -r what mode owner group path; do
        [ "$what" != "$1" ] || "$2" "$path" "$mode" "$owner" "$group"
    done <"$stage/manifest"
}
cleanup() {
    [ ! -f "$stage/manifest" ] || each file drop_new
    rm -rf "$stage"
}
drop_new() { rm -f "$1$new"; }
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
unpack() { base64 -d | tar -xzpmf - --same-owner -C "$stage"; }
try "$stage" unpack
try "$stage" mkdir -p "$stage/root"

make_directory() {
    [ ! -e "$1" ] || [ -d "$1" ] || fail "$1 is not a directory"
    try "${1%/*}" install -d -m "$2" -o "$3" -g "$4" "$1"
}
each directory make_directory

# A key and a certificate that serve TLS until the real one is there, so that the site never lacks one.
make_placeholder() {
    if [ ! -f "$1/fullchain.pem" ]; then
        install -d -m 700 "$1"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=$2" \
            -keyout "$1/privkey.pem" -out "$1/fullchain.new" 2>/dev/null || fail "the placeholder certificate cannot be made"
        mv -f "$1/fullchain.new" "$1/fullchain.pem"
    fi
    # A link to a certificate that is gone, or damaged, serves nothing.
    openssl x509 -noout -in "$3/fullchain.pem" 2>/dev/null || ln -sfn "$1" "$3"
}
each placeholder make_placeholder

remove_staged() { rm -f "$stage/nginx/${1#/etc/nginx/}"; }
validate_nginx() {
    try "$stage" cp -a /etc/nginx "$stage/nginx"
    try "$stage" cp -a "$stage/root/etc/nginx/." "$stage/nginx/"
    each absent remove_staged
    # In a mount namespace of its own, the check sees the staged files under their final paths.
    unshare --mount sh -c 'mount --bind "$1" /etc/nginx && exec nginx -t -q' sh "$stage/nginx" ||
        fail "nginx does not accept the new configuration"
}
[ ! -d "$stage/root/etc/nginx" ] || validate_nginx

validate_units() {
    # A command that is only being installed is no fault of the unit.
    find "$stage/root/etc/systemd/system" -maxdepth 1 -type f -exec systemd-analyze verify {} + 2>&1 |
        grep "$stage" | grep -v 'is not executable' >"$stage/complaints" || true
    [ ! -s "$stage/complaints" ] || { cat "$stage/complaints"; fail "systemd does not accept the new units"; }
}
[ ! -d "$stage/root/etc/systemd/system" ] || validate_units

# First copy all (this is what a full disk stops), then rename all.
copy_new() {
    [ -h "$1" ] || [ ! -d "$1" ] || fail "$1 is a directory"
    try "${1%/*}" cp -p "$stage/root$1" "$1$new"
}
rename_new() { mv -fT "$1$new" "$1"; }
remove() { rm -f "$1"; }
each file copy_new
each file rename_new
each absent remove
[ ! -d "$stage/root/etc/systemd/system" ] || systemctl daemon-reload
# The host program starts in half the time from bytecode. A file that a power cut left half-written would stop it.
compile() {
    (umask 022 && python3 -I -m compileall -q -f "$1" && sync -f "$1") ||
        echo "warning: $1 cannot be compiled; it runs without" >&2
}
program=/usr/local/lib/homeport/hostprogram
[ ! -d "$stage/root$program" ] || compile "$program"
