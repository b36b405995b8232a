# Makes the virtual environment of a dependency lock. One that is there and is not usable any more (environments.sh) stays beside the
# new one, since processes still run from it, and the releases of this lock are pointed to the new one.
# Arguments: application, release id, digest, Python ("": whichever the system has), the server's command, whose preview it
# is ("": nobody's), then one shell-quoted uv command line each. Runs as the application's user, so that a package's build
# script is not root; at the end everything belongs to root and the application can only read it.
# Standard input: a line with name and value (in base64) of each secret that only the installation gets, then an empty
# line; none of this is kept or shown.
set -eu
umask 022
app=$1
code=/srv/$1/releases/$2
first=/srv/$1/venvs/$3
environment=$first
number=1
while [ -f "$environment/.complete" ]; do
    number=$((number + 1))
    environment=$first-$number
done
python=$4 server=$5 owner=$6
shift 6
tools=/usr/local/lib/homeport
# The tools' output is kept in memory: a log on a full disk would be empty.
log=
unfinished=
trap '[ -z "$unfinished" ] || rm -rf "$environment"' EXIT
trap 'exit 1' HUP INT TERM
secret_names=
while read -r name value && [ -n "$name" ]; do
    export "$name=$(printf '%s' "$value" | base64 -d)"
    secret_names="$secret_names $name"
done
# Prints its input with **** in place of each secret, and of the password in a secret that is an address.
without_secrets() {
    awk -v names="$secret_names" 'BEGIN {
        for (i = split(names, name, " "); i > 0; i--) {
            value = ENVIRON[name[i]]
            for (j = split(value, line, "\n"); j > 0; j--) hidden[++n] = line[j]
            if (match(value, "://[^/@]*:[^/@]*@")) {
                value = substr(value, RSTART, RLENGTH - 1)
                sub("^://[^:]*:", "", value)
                hidden[++n] = value
            }
        }
    } {
        for (i = 1; i <= n; i++) {
            rest = $0; done = ""
            while (hidden[i] != "" && (at = index(rest, hidden[i]))) {
                done = done substr(rest, 1, at - 1) "****"
                rest = substr(rest, at + length(hidden[i]))
            }
            $0 = done rest
        }
        print
    }'
}
export LC_ALL=C HOME="/var/cache/homeport/$app" UV_CACHE_DIR="/var/cache/homeport/$app/uv"
# uv has its own list of certificate authorities; here the machine's list is used, as apt and pip do.
export SSL_CERT_FILE="${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"
export UV_NO_PROGRESS=1
export UV_PYTHON_INSTALL_DIR=$tools/python
fail() {
    if why=$(disk_full "$log" "/srv/$app" "$HOME" "$tools" /tmp); then
        # The cache may be what fills the disk, and uv can download all of it again.
        rm -rf "$UV_CACHE_DIR" "$UV_PYTHON_INSTALL_DIR"/.temp
        echo "error: $app: the dependencies cannot be installed: $why" >&2
        exit 1
    fi
    printf '%s\n' "$log" | tool_log 20
    advice=$(missing_packages "$log") && set -- "$1; $advice"
    echo "error: $app: $1" >&2
    exit 1
}
try() {
    status=0
    log=$("$@" 2>&1 </dev/null) || status=$?
    [ -z "$secret_names" ] || log=$(printf '%s\n' "$log" | without_secrets)
    return $status
}
# Only the application's user writes there; an earlier version wrote there as root, and uv cannot use those files.
[ -z "$(find "$HOME" ! -user "$app" -print -quit 2>/dev/null)" ] || rm -rf "${HOME:?}"/* "${HOME:?}"/.[!.]*
make_mark() { rm -rf "$1" && (set -C && : >"$1"); }
# For the same lock a preview takes its owner's environment, which is root's: the files are the same ones, but for the scripts
# that name their folder.
if [ -n "$owner" ] && [ "$environment" = "$first" ] && theirs=$(usable_environment "/srv/$owner/venvs/${first##*/}"); then
    echo "taking the environment of $owner"
    unfinished=yes
    rm -rf "$environment"
    try install -d -m 755 "$environment" || fail "$environment cannot be made"
    # All but its mark. The same files cannot be on two disks.
    cp -al "$theirs"/* "$environment" 2>/dev/null || try cp -a "$theirs"/* "$environment" ||
        fail "$environment cannot be made"
    grep -rIlF "$theirs" "$environment/bin" "$environment/pyvenv.cfg" | while read -r file; do
        try sed -i "s|$theirs|$environment|g" "$file" || fail "$file cannot be written"
    done
    try make_mark "$environment/.complete" || fail "$environment cannot be written"
    unfinished=
    exit 0
fi
# For another lock it begins with what its owner has downloaded. Each user touches its own folder alone.
if [ -n "$owner" ] && [ ! -d "$UV_CACHE_DIR" ] && [ -d "/var/cache/homeport/$owner/uv" ]; then
    runuser -u "$owner" -- tar -c -C "/var/cache/homeport/$owner" uv 2>/dev/null |
        runuser -u "$app" -- tar -x -C "$HOME" 2>/dev/null || rm -rf "$UV_CACHE_DIR"
fi
system=$(/usr/bin/python3 -c 'import platform; print(platform.python_version())')
case $system. in "$python".*) python= ;; esac
if [ -n "$python" ]; then
    echo "making Python $python available"
    # As root, for all applications: so no part of it may be where one application's user can write.
    try env HOME="$tools" "$tools/tools/bin/uv" python install --managed-python --no-bin --no-cache "$python" ||
        fail "Python $python cannot be installed; let the host reach where uv downloads it from (or a mirror: \
UV_PYTHON_INSTALL_MIRROR in its /etc/environment), or unset python_version if the application runs with its $system"
    set -- "uv venv --managed-python --python $python $first" "$@"
else
    export UV_PYTHON_DOWNLOADS=never
    # By the name with its version: after an upgrade of the distribution that one is still there, for processes that are
    # started again before the next deploy, and /usr/bin/python3 is another one, which does not find the packages.
    set -- "uv venv --no-managed-python --python $(readlink -f /usr/bin/python3) $first" "$@"
fi
unfinished=yes
rm -rf "$environment"
try install -d -o "$app" -g "$app" "$environment" || fail "$environment cannot be made"
echo "installing the dependencies"
for command in "$@"; do
    # They all name the first one.
    command=$(printf '%s\n' "$command" | sed "s|$first|$environment|g")
    try runuser -u "$app" -- sh -c "cd '$code' && PATH=$tools/tools/bin:\$PATH && $command" ||
        fail "the dependencies cannot be installed: $(printf '%s\n' "$log" | grep -m 1 -iE '^ *(error|× )' | cut -c 1-240)"
done
case $server in
fastapi) remedy='add fastapi[standard] to them, or set server = "uvicorn"' ;;
*) remedy="add $server to them" ;;
esac
# The class of gunicorn's workers is a distribution of its own, which has no command.
if [ "$server" = gunicorn ] && ! ls -d "$environment"/lib/python3*/site-packages/uvicorn_worker >/dev/null 2>&1; then
    fail "the dependencies do not contain uvicorn-worker, which gunicorn needs here; add uvicorn-worker to them"
fi
[ -x "$environment/bin/$server" ] || fail "the dependencies do not install the $server command; $remedy"
# uvicorn's own log of requests costs a third of the throughput (measured), `fastapi run` has no option to switch it off,
# and the proxy has such a log.
# A filter stays when the loggers are configured, in each worker; the unit sets the variable for access_log = true.
quiet='import os; os.environ.get("HOMEPORT_ACCESS_LOG") or __import__("logging").getLogger("uvicorn.access").addFilter(lambda record: False)'
# The environment does not contain the application's own code: the unit says by this variable where it is. It is at the end
# of the path, so that it hides nothing that is installed.
own='import os, sys; sys.path.extend(map(os.path.realpath, filter(None, os.environ.get("HOMEPORT_IMPORT_PATH", "").split(":"))))'
# Until the environment belongs to root, the application's user may have put any link into it: a file that root writes would
# go where a package's build script wants it.
add() {
    try runuser -u "$app" -- sh -c 'rm -f "$2" && printf "%s\n" "$1" >"$2"' sh "$1" "$packages/homeport-$2.pth" ||
        fail "$environment cannot be written"
}
for packages in "$environment"/lib/python3*/site-packages; do
    add "$quiet" access-log
    add "$own" import-path
done
# First, nobody else can enter it any more: a process that a build script has left running could add links.
chown root:root "$environment"
chmod 700 "$environment"
chown -hRP root:root "$environment"
# uv leaves a lock file that anybody may write.
chmod -R go-w "$environment"
chmod 755 "$environment"
try make_mark "$environment/.complete" || fail "$environment cannot be written"
unfinished=
for link in "/srv/$app/releases"/*/.venv; do
    case $(readlink "$link") in
    "$environment") ;;
    # What is young is kept by the next cleaning: processes that are about to end run from it.
    "$first" | "$first"-*)
        touch "$(readlink "$link")" 2>/dev/null || :
        try ln -sfn "$environment" "$link.new" || fail "$link cannot be changed"
        try mv -fT "$link.new" "$link" || fail "$link cannot be changed"
        ;;
    esac
done
