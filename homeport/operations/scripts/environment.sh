# Installs into the environment $target, with the uv that is in it. Arguments: further arguments for uv.
install_into_tools() {
    SSL_CERT_FILE=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt} UV_NO_PROGRESS=1 "$target/bin/uv" pip install \
        --python "$target/bin/python" --no-cache --require-hashes --only-binary :all: "$@"
}
# Takes the package indexes from pip's configuration, and nothing else: `user` or `target` there would install packages
# elsewhere. A variable overrides the files, and a later file an earlier one, as with pip. Argument: a Python.
take_over_pip_conf() {
    while read -r name value; do
        [ -z "$name" ] || env | grep -q "^$name=" || export "$name=$value"
    done <<END
$("$1" -I -c '
import configparser, os
found = configparser.RawConfigParser(strict=False)
home, named = os.path.expanduser("~"), os.environ.get("PIP_CONFIG_FILE", os.devnull)
found.read(["/etc/xdg/pip/pip.conf", "/etc/pip.conf", home + "/.pip/pip.conf", home + "/.config/pip/pip.conf", named])
ours = "index-url extra-index-url find-links no-index trusted-host proxy cert client-cert timeout retries".split()
asked = {}
for section in filter(found.has_section, ("global", "install")):
    asked.update((key.replace("_", "-"), value) for key, value in found.items(section))
for key in filter(asked.get, ours):
    print("PIP_" + key.upper().replace("-", "_"), *asked[key].split())
' 2>/dev/null)
END
    export PIP_CONFIG_FILE=/dev/null
}
# Tells whether the tools in a folder are complete, and made with this machine's own Python: another Python may be removed,
# and after an upgrade of the machine the new Python does not find them. Argument: the folder.
are_whole() {
    python=$(readlink -f /usr/bin/python3)
    [ -f "$1/.complete" ] && [ "$(readlink -f "$1/bin/python")" = "$python" ] && [ -d "$1/lib/${python##*/}" ]
}
# Makes homeport's own tools, in an environment named after their lock. Argument: the lock's digest. Standard input: the
# requirements, with hashes. pip brings uv and uv the rest: on an emulated machine that saves minutes. Debian has pip as a
# wheel for venv, so it need not be installed either; and Python compiles what is really used when root first runs it.
make_tools() (
    umask 022
    mkdir -p /usr/local/lib/homeport && cd /usr/local/lib/homeport || exit
    target=tools-$1
    # Another application's run may have made them since this run has read the host, and may use them.
    ! are_whole "$target" || exit 0
    trap '[ -e "$target/.complete" ] || rm -rf "$target"' EXIT
    trap 'exit 1' HUP INT TERM
    rm -rf "$target"
    # By the name with its version: an upgrade of the distribution leaves that one in place, and /usr/bin/python3 is another.
    "$(readlink -f /usr/bin/python3)" -m venv --without-pip "$target" || exit
    cat >"$target/requirements.txt" || exit
    awk '/^[^ ]/ { ours = /^uv==/ } ours' "$target/requirements.txt" >"$target/uv.txt" || exit
    wheel=$(echo /usr/share/python-wheels/pip-*.whl)
    export PYTHONPATH="$wheel"
    take_over_pip_conf "$target/bin/python"
    "$target/bin/python" -m pip install --quiet --no-input \
        --disable-pip-version-check --no-cache-dir --no-compile --require-hashes --only-binary :all: \
        -r "$target/uv.txt" || exit
    unset PYTHONPATH
    install_into_tools -r "$target/requirements.txt" || exit
    touch "$target/.complete"
)
