# Puts files in place: all of them or none. Argument: the application that they are for. Standard input: a tar archive,
# gzipped and base64-encoded, with `manifest` (tab-separated: what to do, mode, owner, group, path) and the files under
# `root/` with their final mode and owner.
set -eu
app=$1
umask 077
tab=$(printf '\t')
[ -d /etc/homeport ] || mkdir -m 755 /etc/homeport
# Left behind by a power cut; a newer one may belong to a run that is at work now.
find -H /etc/homeport -maxdepth 1 -name '.stage.*' -mmin +60 -exec rm -rf {} +
outcome="nothing was replaced"
fail() {
    echo "error: files: $1; $outcome" >&2
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

program=/usr/local/lib/homeport/hostprogram
# The folders may be there without the program that uses them: main.py comes last, and a run may have ended before that.
has_folders=
! grep -qs '^from \.commands import' "$program/main.py" || has_folders=yes

make_directory() {
    [ ! -e "$1" ] || [ -d "$1" ] || fail "$1 is not a directory"
    try "${1%/*}" install -d -m "$2" -o "$3" -g "$4" "$1"
}
each directory make_directory

# A key and a certificate that the site has until the real ones are there.
make_placeholder() {
    if [ ! -f "$1/fullchain.pem" ]; then
        install -d -m 700 "$1"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=$2" \
            -keyout "$1/privkey.pem" -out "$1/fullchain.new" 2>/dev/null || fail "the placeholder certificate cannot be made"
        mv -f "$1/fullchain.new" "$1/fullchain.pem"
    fi
    # A link to a missing or damaged certificate cannot be served.
    openssl x509 -noout -in "$3/fullchain.pem" 2>/dev/null || ln -sfn "$1" "$3"
}
each placeholder make_placeholder

# A copy of each real folder with changes: a staged file must not be written through a link into a folder that is in use.
# Usage: copy_of FOLDER; sets `copy`, which may be a folder inside another one's copy.
copies=0
copy_of() {
    number=0
    while [ "$number" -lt "$copies" ]; do
        number=$((number + 1))
        eval "real=\$real_$number"
        case $1/ in "$real"/*) copy=$stage/copy.$number${1#"$real"}; return ;; esac
    done
    copies=$((copies + 1))
    eval "real_$copies=\$1"
    copy=$stage/copy.$copies
    try "$stage" mkdir "$copy"
    [ ! -d "$1" ] || try "$stage" cp -a "$1/." "$copy/"
}
stage_proxy() {
    case $1 in "$folder"/*) ;; *) return 0 ;; esac
    copy_of "$(readlink -m -- "${1%/*}")"
    rm -f "$copy/${1##*/}"
    [ -f "$stage/root$1" ] || return 0
    try "$stage" mkdir -p "$copy"
    try "$stage" cp -p "$stage/root$1" "$copy/${1##*/}"
}
# Usage: validate_proxy NAME FOLDER COMMAND…
validate_proxy() {
    name=$1 folder=$2
    shift 2
    grep -q "$tab$folder/" "$stage/manifest" || return 0
    copies=0
    copy_of "$(readlink -f "$folder")"
    each file stage_proxy
    each absent stage_proxy
    # In a mount namespace of its own, the check sees the staged files under their final paths.
    inside='while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit; shift 2; done; shift; exec "$@"'
    set -- -- "$@"
    while [ "$copies" -gt 0 ]; do
        eval "set -- \"\$stage/copy.$copies\" \"\$real_$copies\" \"\$@\""
        copies=$((copies - 1))
    done
    unshare --mount sh -c "$inside" sh "$@" || fail "$name does not accept the new configuration"
}
validate_proxy nginx /etc/nginx nginx -t -q
validate_proxy haproxy /etc/haproxy sh /etc/haproxy/homeport/prepare check
validate_proxy caddy /etc/caddy sh /etc/caddy/homeport/prepare check
validate_proxy traefik /etc/traefik /etc/traefik/homeport/prepare check

validate_units() {
    # The unit's command may not be installed yet: that is not an error of the unit.
    find "$stage/root/etc/systemd/system" -maxdepth 1 -type f -exec systemd-analyze verify {} + 2>&1 |
        grep "$stage" | grep -v 'is not executable' >"$stage/complaints" || true
    [ ! -s "$stage/complaints" ] || { cat "$stage/complaints"; fail "systemd does not accept the new units"; }
}
[ ! -d "$stage/root/etc/systemd/system" ] || validate_units

# No file can be renamed over a mount point or an immutable file: this is checked before the first file is replaced.
list_target() { [ ! -e "$1" ] && [ ! -h "$1" ] || printf '%s/%s\n' "$(readlink -m -- "${1%/*}")" "${1##*/}"; }
{ each file list_target; each absent list_target; } >"$stage/targets"
mounted=$(awk '{ print $5 }' /proc/self/mountinfo | grep -Fxf "$stage/targets" | head -n 1) || true
[ -z "$mounted" ] || fail "$mounted is a mount point, and homeport cannot write a file over it; unmount it first"
fixed=$({ cat "$stage/targets"; sed 's|/[^/]*$||' "$stage/targets" | sort -u; } |
    xargs -r -d '\n' lsattr -d -- 2>/dev/null | sed -n 's/^[^ ]*[ia][^ ]* *//p' | head -n 1) || true
[ -z "$fixed" ] || fail "$fixed may not be changed (lsattr says so); chattr -ia $fixed allows it"

# First copy all (this is what a full disk stops), then rename all.
copy_new() {
    [ -h "$1" ] || [ ! -d "$1" ] || fail "$1 is a directory"
    try "${1%/*}" cp -p "$stage/root$1" "$1$new"
}
each file copy_new

# The file from before homeport is kept as it was; what was at the same path later is kept beside it.
state=/var/lib/homeport
originals=$state/originals
same() {
    if [ -h "$1" ] || [ -h "$2" ]; then
        [ -h "$1" ] && [ -h "$2" ] && [ "$(readlink "$1")" = "$(readlink "$2")" ]
    else
        cmp -s "$1" "$2"
    fi
}
keep() {
    [ -e "$1" ] || [ -h "$1" ] || return 0
    kept=$originals$1
    number=0
    while [ -e "$kept" ] || [ -h "$kept" ]; do
        ! same "$1" "$kept" || return 0
        number=$((number + 1))
        kept=$originals$1.~$number~
    done
    try "$originals" mkdir -p "${kept%/*}"
    rm -f "$kept$new"
    try "$originals" cp -a "$1" "$kept$new"
    try "$originals" mv -T "$kept$new" "$kept"
    [ "$2" != told ] || echo "a copy of $1 is kept: $kept"
}
note_unkept() { grep -qsFx -- "$1" "$state/unkept" || (umask 022 && printf '%s\n' "$1" >>"$state/unkept"); }
# The record of which content is ours. While files are replaced it has the old and the new content.
record=$state/written/$app
write_record() {
    cp "$1" "$record$new" && chmod 644 "$record$new" && sync "$record$new" && mv -fT "$record$new" "$record"
}
try /var install -d -m 755 "$state" "$state/written"
try /var install -d -m 700 "$originals"
each keep keep
each unkept note_unkept
(cd "$stage/root" && find . -type f -exec sha256sum {} +) | sed 's|  \./|  /|' >"$stage/digests"
touch "$record"
sort -u "$record" "$stage/digests" >"$stage/both"
try "$state" write_record "$stage/both"
try "$originals" sync -f "$originals"

outcome="what was replaced before it stays; deploy again"
rename_new() { try "${1%/*}" mv -fT "$1$new" "$1"; }
remove() { try "${1%/*}" rm -f "$1"; }
each file rename_new
each absent remove
list_path() { printf '%s\n' "$1"; }
{ each file list_path; each absent list_path; } >"$stage/changed"
# NR == FNR would be true for the record too when only folders have changed.
awk 'FILENAME == ARGV[1] { changed[$0]; next } !(substr($0, 67) in changed)' "$stage/changed" "$record" |
    sort - "$stage/digests" >"$stage/now"
write_record "$stage/now" || echo "warning: $record cannot be written; that does no harm" >&2
[ ! -d "$stage/root/etc/systemd/system" ] || systemctl daemon-reload
# The host program starts in half the time from bytecode. A file that a power cut left half-written would stop it.
compile() {
    (umask 022 && python3 -I -m compileall -q -f "$1" && sync -f "$1") ||
        echo "warning: $1 cannot be compiled; it runs without" >&2
}
# An earlier version had all modules in one folder. The deploy that installs the folders leaves the old modules there for
# processes that still use them; the next deploy that changes the program removes them.
drop_old_modules() { find "$program" -maxdepth 1 -name '*.py' ! -name main.py ! -name __init__.py -exec rm -f {} +; }
if [ -d "$stage/root$program" ]; then
    [ -z "$has_folders" ] || drop_old_modules
    compile "$program"
fi
