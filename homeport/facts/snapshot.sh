# Reads a host in one go and changes nothing. The names to look at come before this text, as shell variables.
# Every line it prints is `section<TAB>field<TAB>field…`; a thing that is not there gives no line.
export LC_ALL=C
# sudo may be configured with a shorter PATH.
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
t=$(printf '\t')
( . /etc/os-release 2>/dev/null; printf 'os\t%s\t%s\n' "${ID:-}" "${VERSION_ID:-}" )
printf 'architecture\t%s\n' "$(dpkg --print-architecture 2>/dev/null || uname -m)"
printf 'python\t%s\n' "$(readlink /usr/bin/python3)"
printf 'cores\t%s\n' "$(getconf _NPROCESSORS_ONLN)"
while read -r line; do
    case $line in MemTotal:* | MemAvailable:*) printf 'meminfo\t%s\n' "$line" ;; esac
done </proc/meminfo
[ ! -e /proc/net/if_inet6 ] || printf 'ipv6\n'
# Another program sets the clock, or the host of the container that this is.
keeps_time=
if [ -x /usr/sbin/chronyd ] || [ -x /usr/sbin/ntpd ] || [ -x /usr/sbin/openntpd ] || systemd-detect-virt -cq 2>/dev/null; then
    keeps_time=yes
    printf 'keeps_time\n'
fi
printf 'clock\t%s\n' "$(date +%s)"
# A phase of a killed run may still be running (alone.sh): a reading at that time may see half of its changes.
step=/run/homeport/step.lock
if [ -e "$step" ]; then
    [ "$wait_seconds" = 0 ] || flock -s -w "$wait_seconds" "$step" true
    flock -s -n "$step" true || printf 'at_work\n'
fi
# Read before everything that a deploy changes, so that a deploy during this reading is noticed.
printf 'deploys\t%s\n' "$(deploys)"
[ ! -d /run/systemd/system ] || printf 'systemd\n'
# The file systems that we write to, and the one that the release goes to: statvfs(3), as resources.file_system has it.
disk="$t%S$t%b$t%f$t%a$t%c$t%d"
stat -f -c "disk$t%n$disk" /srv /etc /var /usr/local 2>/dev/null
place=/srv/$app
[ -d "$place" ] || place=/srv
stat -f -c "release_disk$t%n$disk" "$place" 2>/dev/null
[ -z "$packages" ] || dpkg-query -W -f 'package\t${Package}\t${db:Status-Status}\n' $packages $other_packages 2>/dev/null
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
# What cannot be replaced: mount points, and what is immutable or append-only.
cut -d ' ' -f 5 /proc/self/mountinfo | grep -Fx -- "$paths" | sed "s/^/fixed${t}mount$t/"
printf '%s\n' "$paths" | xargs -d '\n' lsattr -d -- 2>/dev/null | sed -n "s/^[^ ]*[ia][^ ]* */fixed${t}attribute$t/p"
# The owner of files that homeport shares with others: what the file says, what dpkg and homeport have recorded.
set --
for path in $shared; do
    real=$(readlink -f "$path")
    [ ! -f "$path" ] || set -- "$@" -e "s|^ $real \([0-9a-f]\{32\}\).*|$real$t\1|p"
done
pristine=$([ $# = 0 ] || sed -n "$@" /var/lib/dpkg/status 2>/dev/null)
for path in $shared; do
    [ -f "$path" ] || continue
    ! head -n 3 "$path" | grep -q 'Written by homeport' || printf 'marked\t%s\n' "$path"
    real=$(readlink -f "$path")
    sum=$(printf '%s\n' "$pristine" | sed -n "s|^$real$t||p" | head -n 1)
    [ -z "$sum" ] || [ "$(md5sum <"$real" | cut -c 1-32)" != "$sum" ] || printf 'pristine\t%s\n' "$path"
    find /var/lib/homeport/written -type f -exec sed -n "s|^\([0-9a-f]\{64\}\)  $path\$|written$t\1$t$path|p" {} + 2>/dev/null
done
IFS=$old_ifs
set +f
# Servers of others in Nginx, and our default server: the lines that decide which one is an address's default or has a name.
for file in /etc/nginx/conf.d/*.conf /etc/nginx/sites-enabled/* /etc/nginx/homeport/00-default.conf; do
    # shellcheck disable=SC2020
    [ ! -f "$file" ] || sed 's/#.*//' "$file" | tr '\n\t' '  ' | tr ';{}' '\n\n\n' | while read -r word rest; do
        case $word in
        server | server_name | listen | ssl_protocols | ssl_ecdh_curve) printf 'nginx\t%s\t%s\t%s\n' "$file" "$word" "$rest" ;;
        esac
    done
done
[ ! -d /run/systemd/system ] || systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -p NeedDaemonReload \
    $units 2>/dev/null | sed "s/^/unit$t/"
# What supervisord runs the host program knows, and tells in the same words, which then count.
for unit in $units; do
    [ ! -f "/etc/supervisor/conf.d/homeport.${unit%.service}.conf" ] || printf '%s\n' "$unit"
done | xargs -r /usr/local/lib/homeport/homeport-host show-units 2>/dev/null | sed "s/^/unit$t/"
# All that listens: TCP, UDP, and raw sockets, of which the "port" is a protocol's number.
sockets=$(ss -Hlntupw 2>/dev/null)
printf '%s\n' "$sockets" | sed "s/^/socket$t/"
printf '%s\n' "$sockets" | while read -r kind _ _ _ address _ users; do
    [ "$kind" = tcp ] || continue
    port=${address##*:}
    case " $ports " in *" $port "*) ;; *) continue ;; esac
    # Several processes may hold it, of which a worker may have ended since: one of which the unit is known, if there is.
    left=$users process='' unit=''
    while [ -z "$unit" ] && [ "$left" != "${left#*pid=}" ]; do
        left=${left#*pid=}
        pid=${left%%,*}
        name=$(cat "/proc/$pid/comm" 2>/dev/null) || continue
        unit=$(sed -n -e 's|.*/\([^/]*\.service\)\(/.*\)\{0,1\}$|\1|p' -e 's#.*/\([^/:]*\):\(blue\|green\)\.scope$#\1@\2.service#p' \
            "/proc/$pid/cgroup" 2>/dev/null | head -n 1)
        [ -n "$process" ] && [ -z "$unit" ] || process=$name
    done
    # All that held it have ended: nobody does.
    [ -z "$users" ] || [ -n "$process" ] || continue
    printf 'port\t%s\t%s\t%s\n' "$port" "$process" "$unit"
done
for claim in /etc/homeport/*/site.json; do
    [ ! -f "$claim" ] || printf 'claim\t%s\n' "$(cat "$claim")"
done
# What each application has opened in the firewall.
for opened in /etc/homeport/firewall.d/*.nft; do
    name=${opened##*/}
    [ ! -f "$opened" ] || sed -n "s/^[^#]*\(tcp\|udp\) dport \([0-9-]*\) accept$/opening$t${name%.nft}$t\1$t\2/p" "$opened"
done
for share in /etc/homeport/*/access.json; do
    [ ! -f "$share" ] || printf 'shares\t%s\n' "$(cat "$share")"
done
for values in /etc/homeport/*/machine.json; do
    [ ! -f "$values" ] || printf 'machine_values\t%s\n' "$(tr '\t\n' '  ' <"$values")"
done
# The SSH port that we are connected to: sudo removes the variable, so it is read from the parent processes.
pid=$$
while [ -z "${SSH_CONNECTION:-}" ] && [ "${pid:-0}" -gt 1 ] && read -r stat <"/proc/$pid/stat"; do
    SSH_CONNECTION=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=//p')
    stat=${stat##*) }
    stat=${stat#* }
    pid=${stat%% *}
done 2>/dev/null
read -r client _ server port <<END
${SSH_CONNECTION:-}
END
[ -z "$port" ] || printf 'ssh_port\t%s\n' "$port"
# Where sshd listens, or systemd on its behalf; and what its settings on disk say about the user that we are logged in as.
listening=$(printf '%s\n' "$sockets" | sed -n "s/^tcp *[^ ]* *[^ ]* *[^ ]* *[^ ]*:\([0-9]*\) .*\"sshd\".*/ssh_port$t\1/p")
if [ -z "$listening" ] && systemctl -q is-active ssh.socket 2>/dev/null; then
    listening=$(systemctl show -P Listen ssh.socket | sed -n "s/^.*[: ]\([0-9]*\) (Stream)$/ssh_port$t\1/p")
fi
[ -z "$listening" ] || printf '%s\n' "$listening"
login=${SUDO_USER:-$(id -un)}
if [ -x /usr/sbin/sshd ]; then
    settings=$(/usr/sbin/sshd -T -C "user=$login,host=${client:-localhost},addr=${client:-127.0.0.1},laddr=${server:-127.0.0.1},lport=${port:-22}" 2>/dev/null |
        grep -E '^(port|permitrootlogin|(allow|deny)(users|groups)|authorizedkeys(file|command)|trustedusercakeys|disableforwarding|allowtcpforwarding|permitlisten) ')
    home=$(getent passwd "$login" | cut -d : -f 6)
    key=
    set -f
    for file in $(printf '%s\n' "$settings" | sed -n 's/^authorizedkeysfile //p'); do
        case $file in /* | %h*) ;; *) file=$home/$file ;; esac
        file=$(printf '%s\n' "$file" | sed "s|%h|$home|g; s|%u|$login|g")
        ! grep -qs '^[^#]*[a-z]' "$file" || key=key
    done
    set +f
    printf '%s\n' "${settings:-unreadable yes}" | sed "s/^\([a-z]*\) /sshd$t\1$t/"
    [ -z "$settings" ] || printf 'login\t%s\t%s\t%s\n' "$login" "$(id -Gn "$login")" "$key"
    read_logins
fi
wrong=$(read_firewall)
[ -z "$wrong" ] || printf 'firewall\t%s\n' "$wrong"
[ ! -f /etc/homeport/.pending-access.json ] || printf 'access_pending\n'
# Tools that were made with another Python than this machine's do not count.
tools=/usr/local/lib/homeport/tools
python=$(readlink -f /usr/bin/python3)
if [ -f $tools/.complete ] && [ "$(readlink -f $tools/bin/python)" = "$python" ] && [ -d "$tools/lib/${python##*/}" ]; then
    printf 'tools\t%s\n' "$(readlink $tools)"
fi
for marker in /usr/local/lib/homeport/tools/.plugins/*; do
    [ ! -f "$marker" ] || printf 'tool_plugin\t%s\n' "${marker##*/}"
done
# The folder that a new file system has does not count.
for folder in "/srv/$app" "/var/lib/$app"; do
    [ -z "$(find -H "$folder" -mindepth 1 -maxdepth 1 ! -name lost+found -print -quit 2>/dev/null)" ] ||
        printf 'occupied\t%s\n' "$folder"
done
for folder in "/srv/$app/releases"/*; do
    case $folder in *.partial) continue ;; esac
    [ ! -d "$folder" ] || printf 'release\t%s\n' "${folder##*/}"
done
for marker in "/srv/$app/venvs"/*/.complete; do
    [ -f "$marker" ] || continue
    folder=${marker%/.complete}
    name=${folder##*/}
    state=lost_environment
    ! is_usable "$folder" || state=environment
    printf '%s\t%s\n' "$state" "${name%-*}"
done
for slot in blue green; do
    [ ! -h "/srv/$app/slots/$slot" ] || printf 'slot\t%s\t%s\n' "$slot" "$(readlink "/srv/$app/slots/$slot")"
    sed -n "s/^HOMEPORT_PORT=\([0-9][0-9]*\)$/slot_port$t$slot$t\1/p" "/etc/homeport/$app/$slot.env" 2>/dev/null
done
[ ! -e "/etc/homeport/$app/live-green" ] || printf 'green\n'
# Our lineages are recognised by how they are renewed: $lineage, the pattern of the host program.
renewal=/etc/letsencrypt/renewal
if [ -e "$renewal/$app.conf" ] || [ -e "/etc/letsencrypt/live/$app" ]; then
    grep -qsE "$lineage" "$renewal/$app.conf" || printf 'foreign_lineage\n'
fi
others=$(grep -LsE "$lineage" $renewal/*.conf)
if [ -n "$others" ] && ! systemctl -q is-active certbot.timer snap.certbot.renew.timer 2>/dev/null &&
    ! grep -rqs --exclude=certbot --exclude=.placeholder 'certbot\|letsencrypt' /etc/crontab /etc/cron.* /var/spool/cron/crontabs; then
    for other in $others; do
        other=${other##*/}
        printf 'unrenewed\t%s\n' "${other%.conf}"
    done
fi
certificate=/etc/letsencrypt/live/$app/fullchain.pem
if [ -f "$certificate" ]; then
    found=$(openssl x509 -in "$certificate" -noout -startdate -enddate -ext subjectAltName 2>/dev/null) &&
        for end in before after; do
            printf 'not_%s\t%s\n' $end "$(date -d "$(printf '%s\n' "$found" | sed -n "s/^not$end=//Ip")" +%s)"
        done
    printf '%s\n' "$found" | tr ',' '\n' | sed -n "s/.*DNS:/name$t/p"
    sed -n "s/^\(server\|required_profile\|elliptic_curve\|authenticator\) *= */renewal$t\1$t/p" \
        "/etc/letsencrypt/renewal/$app.conf" 2>/dev/null
fi
program=/usr/local/lib/homeport/homeport-host
set -- --app "$app" --keep "$keep" --coming "$release"
for pin in $pins; do
    set -- "$@" --pin "$pin"
done
said=
[ ! -x "$program" ] || said=$("$program" facts "$@" 2>/dev/null)
printf '%s\n' "$said"
read_surroundings "$(printf '%s\n' "$said" | sed -n "s/^proxy$t//p")" "$keeps_time"
printf 'end\n'
