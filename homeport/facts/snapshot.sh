# Reads a host in one go and changes nothing. The names to look at come before this text, as shell variables.
# Every line it prints is `section<TAB>field<TAB>field…`; a thing that is not there gives no line.
export LC_ALL=C
t=$(printf '\t')
( . /etc/os-release 2>/dev/null; printf 'os\t%s\t%s\n' "${ID:-}" "${VERSION_ID:-}" )
printf 'architecture\t%s\n' "$(dpkg --print-architecture 2>/dev/null || uname -m)"
printf 'cores\t%s\n' "$(getconf _NPROCESSORS_ONLN)"
while read -r name value _; do
    case $name in
    MemTotal:) printf 'memory\t%s\n' "$value" ;;
    MemAvailable:) printf 'available\t%s\n' "$value" ;;
    esac
done </proc/meminfo
[ ! -e /proc/net/if_inet6 ] || printf 'ipv6\n'
printf 'clock\t%s\n' "$(date +%s)"
[ ! -d /run/systemd/system ] || printf 'systemd\n'
# The fullest of the file systems that we write to decides.
df -Pk /srv /etc /var /usr/local 2>/dev/null | while read -r _ _ _ free _ _; do
    case $free in *[!0-9]*) ;; *) printf 'free\t%s\n' "$free" ;; esac
done
df -Pi /srv /etc /var /usr/local 2>/dev/null | while read -r _ total _ _ used _; do
    case $total in 0 | - | *[!0-9]*) ;; *) printf 'inodes\t%s\n' "${used%\%}" ;; esac
done
# The file system that the release goes to; some (btrfs) do not count inodes.
place=/srv/$app
[ -d "$place" ] || place=/srv
df -Pk "$place" 2>/dev/null | while read -r _ _ _ free _ _; do
    case $free in *[!0-9]*) ;; *) printf 'release_free\t%s\n' "$free" ;; esac
done
df -Pi "$place" 2>/dev/null | while read -r _ total _ free _; do
    case $total in 0 | - | *[!0-9]*) ;; *) printf 'release_inodes\t%s\n' "$free" ;; esac
done
[ -z "$packages" ] || dpkg-query -W -f 'package\t${Package}\t${db:Status-Status}\n' $packages 2>/dev/null
for account in $accounts; do
    entry=$(getent passwd "$account") && printf 'account\t%s\n' "$entry"
done
# Paths are newline-separated, so that a space in one does no harm.
set -f
old_ifs=$IFS
IFS='
'
find $paths -maxdepth 0 -printf 'path\t%y\t%m\t%u\t%g\t%p\t%l\t%Y\n' 2>/dev/null
for path in $paths; do
    [ ! -f "$path" ] || [ -h "$path" ] || printf '%s\n' "$path"
done | xargs -r -d '\n' sha256sum -z 2>/dev/null | tr '\0' '\n' | sed -n "s/^\([0-9a-f]*\)  /digest$t\1$t/p"
IFS=$old_ifs
set +f
[ ! -d /run/systemd/system ] || systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -p NeedDaemonReload \
    $units 2>/dev/null | while IFS='=' read -r key value; do
    printf 'unit\t%s\t%s\n' "$key" "$value"
done
ss -Hltnp 2>/dev/null | while read -r _ _ _ address _ users; do
    port=${address##*:}
    case " $ports " in *" $port "*) ;; *) continue ;; esac
    pid=${users#*pid=}
    pid=${pid%%,*}
    unit=$(sed -n 's|.*/\([^/]*\.service\)\(/.*\)\{0,1\}$|\1|p' "/proc/$pid/cgroup" 2>/dev/null | head -n 1)
    process=$(cat "/proc/$pid/comm" 2>/dev/null)
    printf 'port\t%s\t%s\t%s\n' "$port" "$process" "$unit"
done
for claim in /etc/homeport/*/site.json; do
    [ ! -f "$claim" ] || printf 'claim\t%s\n' "$(cat "$claim")"
done
[ ! -h /usr/local/lib/homeport/tools ] || printf 'tools\t%s\n' "$(readlink /usr/local/lib/homeport/tools)"
for folder in "/srv/$app/releases"/*; do
    case $folder in *.partial) continue ;; esac
    [ ! -d "$folder" ] || printf 'release\t%s\n' "${folder##*/}"
done
for marker in "/srv/$app/venvs"/*/.complete; do
    [ ! -f "$marker" ] || { marker=${marker%/.complete}; printf 'environment\t%s\n' "${marker##*/}"; }
done
for slot in blue green; do
    [ ! -h "/srv/$app/slots/$slot" ] || printf 'slot\t%s\t%s\n' "$slot" "$(readlink "/srv/$app/slots/$slot")"
    sed -n "s/^HOMEPORT_PORT=\([0-9][0-9]*\)$/slot_port$t$slot$t\1/p" "/etc/homeport/$app/$slot.env" 2>/dev/null
done
[ ! -e "/etc/homeport/$app/live-green" ] || printf 'green\n'
certificate=/etc/letsencrypt/live/$app/fullchain.pem
if [ -f "$certificate" ]; then
    end=$(openssl x509 -in "$certificate" -noout -enddate 2>/dev/null) && printf 'not_after\t%s\n' "$(date -d "${end#*=}" +%s)"
    openssl x509 -in "$certificate" -noout -ext subjectAltName 2>/dev/null | tr ',' '\n' | sed -n "s/.*DNS:/name$t/p"
    sed -n "s/^server *= */server$t/p" "/etc/letsencrypt/renewal/$app.conf" 2>/dev/null
fi
program=/usr/local/lib/homeport/homeport-host
set -- --app "$app" --keep "$keep" --coming "$release"
for pin in $pins; do
    set -- "$@" --pin "$pin"
done
[ ! -x "$program" ] || "$program" facts "$@" 2>/dev/null
printf 'end\n'
