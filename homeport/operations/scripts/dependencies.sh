# Makes the virtual environment of a dependency lock. Arguments: application, release id, digest, Python ("" for the
# system's), then one shell-quoted uv command line each. Runs as the application's user, so that a package's build
# script is not root; in the end everything belongs to root and the application can only read it.
set -eu
umask 022
app=$1
code=/srv/$1/releases/$2
environment=/srv/$1/venvs/$3
python=$4
shift 4
uv=/usr/local/lib/homeport/tools/bin/uv
log=$(mktemp)
trap 'rm -f "$log"' EXIT
fail() {
    tail -n 20 "$log"
    echo "error: $app: $1" >&2
    exit 1
}
export LC_ALL=C HOME="/var/cache/homeport/$app" UV_CACHE_DIR="/var/cache/homeport/$app/uv"
# uv carries its own list of authorities; the machine's counts, as it does for apt and pip.
export SSL_CERT_FILE="${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"
export UV_NO_PROGRESS=1
export UV_PYTHON_INSTALL_DIR=/usr/local/lib/homeport/python
if [ -n "$python" ]; then
    echo "making Python $python available"
    "$uv" python install --managed-python "$python" >"$log" 2>&1 ||
        fail "Python $python cannot be installed; unset python_version to use the system's"
    set -- "uv venv --managed-python --python $python $environment" "$@"
else
    export UV_PYTHON_DOWNLOADS=never
    set -- "uv venv --no-managed-python --python /usr/bin/python3 $environment" "$@"
fi
rm -rf "$environment"
install -d -o "$app" -g "$app" "$environment"
echo "installing the dependencies"
for command in "$@"; do
    runuser -u "$app" -- sh -c "cd '$code' && PATH=/usr/local/lib/homeport/tools/bin:\$PATH && $command" >>"$log" 2>&1 </dev/null ||
        fail "the dependencies cannot be installed: $(grep -m 1 -iE '^ *(error|× )' "$log" | cut -c 1-240)"
done
[ -x "$environment/bin/fastapi" ] || fail "the dependencies do not bring the fastapi command; add fastapi[standard] to them"
chown -R root:root "$environment"
# uv leaves a lock file that anybody may write.
chmod -R go-w "$environment"
touch "$environment/.complete"
