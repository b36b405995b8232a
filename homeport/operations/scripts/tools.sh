# Installs homeport's own tools, unless they were made beside the packages, then points the link `tools` to them.
# Arguments: the lock's digest, and the application. Standard input: the requirements, with hashes. The Certbot plugins
# of all applications (/etc/homeport/APP/acme-plugin.txt) are installed beside them, since one Certbot renews for all.
set -eu
umask 022
cd /usr/local/lib/homeport
target=tools-$1
app=$2
if ! are_whole "$target"; then
    echo "installing the tools (Certbot, uv)"
    # Their output is kept in memory: a log on a full disk would be empty.
    log=$(make_tools "$1" 2>&1) || {
        why=$(disk_full "$log" . /tmp) || {
            printf '%s\n' "$log" | tool_log 15
            why=$(printf '%s\n' "$log" | grep -m 1 -i error | cut -c 1-200) || true
        }
        echo "error: tools: Certbot and uv cannot be installed: $why" >&2
        exit 1
    }
fi
# A plugin must not change a version of the lock.
install_plugin() {
    install_into_tools --constraint "$target/requirements.txt" -r "$1" || return
    mkdir -p "$target/.plugins" && touch "$target/.plugins/$2"
}
for plugin in /etc/homeport/*/acme-plugin.txt; do
    [ -f "$plugin" ] || continue
    digest=$(sha256sum "$plugin" | cut -c 1-12)
    [ ! -f "$target/.plugins/$digest" ] || continue
    echo "installing the Certbot plugin of $plugin"
    log=$(install_plugin "$plugin" "$digest" 2>&1) && continue
    printf '%s\n' "$log" | tool_log 15
    why=$(printf '%s\n' "$log" | grep -v '^Using' | head -n 1 | cut -c 1-200)
    [ "$plugin" = "/etc/homeport/$app/acme-plugin.txt" ] || { echo "warning: $plugin cannot be installed: $why" >&2; continue; }
    echo "error: tools: the plugin of acme_dns_requirements_file cannot be installed: $why" >&2
    exit 1
done
# The recorded proxy may be a tool, and serves until another one does: whenever it starts anew, and after a boot.
if grep -qs '"traefik"' /etc/homeport/proxy.json && [ ! -e "$target/bin/traefik" ] && [ -e tools/bin/traefik ]; then
    ln tools/bin/traefik "$target/bin/traefik"
fi
ln -sfn "$target" tools.new
mv -fT tools.new tools
for old in tools-*; do
    [ "$old" != "$target" ] || continue
    # Another application's Certbot may be using them.
    for lock in /run/homeport/asked-*/lock; do
        [ ! -e "$lock" ] || flock "$lock" true
    done
    rm -rf "$old"
done
