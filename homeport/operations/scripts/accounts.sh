# Makes system users. Arguments: their comment, then name and home, pair by pair. The home is made elsewhere.
set -eu
comment=$1
shift
while [ $# -gt 0 ]; do
    said=$(useradd --system --user-group --home-dir "$2" --no-create-home --shell /usr/sbin/nologin \
        --comment "$comment" "$1" 2>&1) || {
        echo "error: accounts: the user $1 cannot be created: ${said:-useradd printed nothing}" >&2
        exit 1
    }
    shift 2
done
