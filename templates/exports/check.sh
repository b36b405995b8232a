{# `check PLACE NAME` ends a script where a file of somebody else's is in the place of one of ours. #}
# A file that exists is ours when it says so, when an earlier run has recorded it, or when its content is the same.
check() {
    [ -e "$1" ] || [ -L "$1" ] || return 0
    if [ ! -L "$1" ]; then
        ! head -n 3 "$1" | grep -qF "# Written by homeport (\`export {{ engine }}" || return 0
        ! grep -qxF "$2" "$lib/{{ record }}" 2>/dev/null || return 0
        ! cmp -s "$1" "$here/$2" || return 0
    fi
    fail "$1 is there and is not from this export: move it away, or set another app_name and export again"
}
