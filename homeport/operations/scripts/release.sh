# Unpacks a release beside its final place and renames it when it is whole. Arguments: application, release id,
# digest of its environment, the release that it has files in common with ("": none), its time (seconds since 1970), and
# the paths that the application writes to, those of folders with a slash at their end.
# Standard input: a line with the archive of its /etc files, a line with the paths of the files in common (each but the
# last ends with NUL), then the archive of the rest of its code (archives are tar; all is gzipped, base64-encoded). If
# the host already has the code (the same id), only the /etc files are replaced: the host's part of the release has changed.
set -eu
umask 077
code=/srv/$1/releases/$2
etc=/etc/homeport/$1/releases/$2
rm -rf "$code.partial" "$etc.partial"
trap 'rm -rf "$code.partial" "$etc.partial"' EXIT
trap 'exit 1' HUP INT TERM
app=$1 release=$2 environment=$3 base=$4 time=$5
try() {
    said=$("$@" 2>&1) || fail "$said"
}
fail() {
    why=$(disk_full "$1" "/srv/$app" "/etc/homeport/$app") || why=$(printf '%s\n' "$1" | tail -n 1)
    echo "error: $app: release $release cannot be put in place: $why" >&2
    exit 1
}
unpack() {
    base64 -d | tar -xzpf - "$1" -C "$2"
}
try mkdir "$etc.partial" "$code.partial"
IFS= read -r files
IFS= read -r same
unpack_etc() {
    printf '%s\n' "$files" | unpack --same-owner "$etc.partial"
}
try unpack_etc
try unpack --no-same-owner "$code.partial"
# A copy and not a link, so that a change to one release does not change another; all files of a release have its time.
in_common() {
    printf '%s\n' "$same" | base64 -d | gzip -d
}
copy() {
    in_common | (cd "/srv/$app/releases/$base" && xargs -0 -r cp --parents --preserve=mode -t "$code.partial" --) &&
        in_common | (cd "$code.partial" && xargs -0 -r touch -d "@$time" --)
}
[ -z "$base" ] || try copy
chown "root:$app" "$etc.partial"
chmod 750 "$etc.partial"
chmod 755 "$code.partial"
venv=$(usable_environment "/srv/$app/venvs/$environment") || venv=/srv/$app/venvs/$environment
try ln -s "$venv" "$code.partial/.venv"
# What the application writes to (state_paths): the release's own is put aside. A folder is mounted over an empty one by
# the units, a file is a link.
keep() {
    kept=${1%/}
    umask 022
    case $kept in
        */*) mkdir -p "$code.partial/${kept%/*}" "$code.partial/.homeport/state/${kept%/*}" ;;
        *) mkdir -p "$code.partial/.homeport/state" ;;
    esac
    if [ -e "$code.partial/$kept" ] || [ -L "$code.partial/$kept" ]; then mv -T "$code.partial/$kept" "$code.partial/.homeport/state/$kept"; fi
    case $1 in
        */) mkdir "$code.partial/$kept" ;;
        *) ln -s "/var/lib/$app/$kept" "$code.partial/$kept" ;;
    esac
}
shift 5
for path; do
    try keep "$path"
done
try sync -f "$code.partial"
# The release counts as present when its code is there: so the code comes last.
rm -rf "$etc"
try mv -T "$etc.partial" "$etc"
[ -d "$code" ] || try mv -T "$code.partial" "$code"
