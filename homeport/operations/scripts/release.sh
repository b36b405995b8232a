# Unpacks a release beside its final place and renames it when it is whole. Arguments: application, release id,
# digest of its environment. Standard input: one line with the archive of its /etc files, then the archive of its code
# (both tar, gzipped, base64-encoded).
set -eu
umask 077
code=/srv/$1/releases/$2
etc=/etc/homeport/$1/releases/$2
rm -rf "$code.partial" "$etc.partial"
trap 'rm -rf "$code.partial" "$etc.partial"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$etc.partial" "$code.partial"
IFS= read -r files
printf '%s\n' "$files" | base64 -d | tar -xzpf - --same-owner -C "$etc.partial"
base64 -d | tar -xzpf - --no-same-owner -C "$code.partial"
chown "root:$1" "$etc.partial"
chmod 750 "$etc.partial"
chmod 755 "$code.partial"
ln -s "/srv/$1/venvs/$3" "$code.partial/.venv"
sync -f "$code.partial"
# The release counts as there when its code is: so that comes last.
rm -rf "$etc"
mv -T "$etc.partial" "$etc"
mv -T "$code.partial" "$code"
