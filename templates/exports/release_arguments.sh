{# What a release.sh begins with: how it speaks, and its arguments: `migrates` where there is a migration, `tag`, `reference`. #}
say() {
    echo "homeport: $1" >&2
}
fail() {
    say "$1"
    exit "${2:-1}"
}
{% if migrates %}
migrates=yes
if [ "${1-}" = --no-migration ]; then
    migrates=no
    shift
fi
{% else %}
[ "${1-}" != --no-migration ] || shift
{% endif %}
tag=${1-}
[ $# -le 1 ] || fail "one tag is enough: sh release.sh TAG" 2
case $tag in
"") fail "a tag is missing: sh release.sh TAG" 2 ;;
latest) fail "latest may be another image tomorrow: give each image a tag of its own" 2 ;;
sha256:*) reference="$image@$tag" ;;
{% if pinned is defined %}
[A-Za-z0-9_]*@sha256:*) reference="$image:$tag" ;;
{% endif %}
[!A-Za-z0-9_]* | *[!A-Za-z0-9._-]*) fail "$tag is not a tag of an image" 2 ;;
*) reference="$image:$tag" ;;
esac
