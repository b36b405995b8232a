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
tools=/usr/local/lib/homeport
# What the tools say is kept in memory: a log on a full disk would be empty.
log=
trap '[ -e "$environment/.complete" ] || rm -rf "$environment"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C HOME="/var/cache/homeport/$app" UV_CACHE_DIR="/var/cache/homeport/$app/uv"
# uv carries its own list of authorities; the machine's counts, as it does for apt and pip.
export SSL_CERT_FILE="${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"
export UV_NO_PROGRESS=1
export UV_PYTHON_INSTALL_DIR=$tools/python
fail() {
    if why=$(disk_full "$log" "/srv/$app" "$HOME" "$tools" /tmp); then
        # The cache may be what fills it, and is nothing that uv could not load again.
        rm -rf "$UV_CACHE_DIR" "$UV_PYTHON_INSTALL_DIR"/.temp
        echo "error: $app: the dependencies cannot be installed: $why" >&2
        exit 1
    fi
    printf '%s\n' "$log" | tail -n 20
    echo "error: $app: $1" >&2
    exit 1
}
try() {
    log=$("$@" 2>&1 </dev/null)
}
if [ -n "$python" ]; then
    echo "making Python $python available"
    try "$tools/tools/bin/uv" python install --managed-python "$python" ||
        fail "Python $python cannot be installed; unset python_version to use the system's"
    set -- "uv venv --managed-python --python $python $environment" "$@"
else
    export UV_PYTHON_DOWNLOADS=never
    set -- "uv venv --no-managed-python --python /usr/bin/python3 $environment" "$@"
fi
rm -rf "$environment"
try install -d -o "$app" -g "$app" "$environment" || fail "$environment cannot be made"
echo "installing the dependencies"
for command in "$@"; do
    try runuser -u "$app" -- sh -c "cd '$code' && PATH=$tools/tools/bin:\$PATH && $command" ||
        fail "the dependencies cannot be installed: $(printf '%s\n' "$log" | grep -m 1 -iE '^ *(error|× )' | cut -c 1-240)"
done
[ -x "$environment/bin/fastapi" ] || fail "the dependencies do not bring the fastapi command; add fastapi[standard] to them"
# uvicorn's own log of requests costs a third of them (measured), `fastapi run` has no option for it, and Nginx has one.
# A filter outlives the configuration of the loggers, in each worker; the unit sets the variable for access_log = true.
quiet='import os; os.environ.get("HOMEPORT_ACCESS_LOG") or __import__("logging").getLogger("uvicorn.access").addFilter(lambda record: False)'
for packages in "$environment"/lib/python3*/site-packages; do
    try sh -c 'printf "%s\n" "$1" >"$2"' sh "$quiet" "$packages/homeport-access-log.pth" || fail "$environment cannot be written"
done
chown -R root:root "$environment"
# uv leaves a lock file that anybody may write.
chmod -R go-w "$environment"
try touch "$environment/.complete" || fail "$environment cannot be written"
