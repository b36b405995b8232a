# Makes system users. Arguments: name and home, pair by pair. The home directory is made elsewhere.
set -eu
while [ $# -gt 0 ]; do
    useradd --system --user-group --home-dir "$2" --no-create-home --shell /usr/sbin/nologin \
        --comment "homeport application" "$1"
    shift 2
done
