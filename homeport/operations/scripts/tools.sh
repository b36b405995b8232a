# Installs homeport's own tools into an environment named after their lock, then points the link `tools` to it.
# Argument: the lock's digest. Standard input: the requirements, with hashes.
set -eu
umask 022
cd /usr/local/lib/homeport
target=tools-$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ ! -f "$target/.complete" ]; then
    rm -rf "$target"
    echo "installing the tools (Certbot, uv)"
    install_tools() {
        # Python compiles what is really used when root first runs it; compiling all of it takes longer than installing.
        python3 -m venv "$target" && "$target/bin/pip" install --quiet --disable-pip-version-check --no-input \
            --no-compile --require-hashes --only-binary :all: -r /dev/stdin
    }
    install_tools >"$log" 2>&1 || {
        tail -n 15 "$log"
        echo "error: tools: Certbot and uv cannot be installed: $(grep -m 1 -i error "$log" | cut -c 1-200)" >&2
        exit 1
    }
    touch "$target/.complete"
fi
ln -sfn "$target" tools.new
mv -fT tools.new tools
for old in tools-*; do
    [ "$old" = "$target" ] || rm -rf "$old"
done
