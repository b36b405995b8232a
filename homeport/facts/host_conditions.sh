# What would make a phase fail, whatever the settings say. Changes nothing: staged files are in memory, in a
# mount namespace of their own. Defines `read_surroundings STALE OTHER` (STALE "": Nginx runs what is on the disk; OTHER
# "": nothing but systemd-timesyncd would set the clock), which prints lines as snapshot.sh does: group (entry), lacks
# (program), place (folder, and where it really is), linked (a folder that is a link itself), mount (folder, noexec or ro), removes (package), unresolved (name),
# nginx_refuses (what it says).
read_surroundings() {
    for account in $accounts; do
        entry=$(getent group "$account") && printf 'group\t%s\n' "$entry"
    done
    # All are from packages that every Debian has, but minimal images lack some of them.
    for name in apt-get base64 dpkg-query flock getent gzip ip runuser sha256sum ss systemd-analyze systemd-run tar unshare useradd; do
        command -v "$name" >/dev/null 2>&1 || printf 'lacks\t%s\n' "$name"
    done
    for folder in "/srv/$app" "/var/lib/$app" "/var/cache/homeport/$app" "/etc/homeport/$app" /usr/local/lib/homeport; do
        printf 'place\t%s\t%s\n' "$folder" "$(readlink -m "$folder" 2>/dev/null)"
        [ ! -h "$folder" ] || printf 'linked\t%s\n' "$folder"
    done
    while read -r _ folder _ options _; do
        case $folder in /proc* | /sys* | /dev* | /run* | /snap/* | */overlay2/* | */containers/*) continue ;; esac
        state=
        case ,$options, in *,ro,*) state=ro ;; *,noexec,*) state=noexec ;; esac
        printf 'mount\t%s\t%s\n' "$folder" "$state"
    done </proc/self/mounts
    [ -z "$packages" ] || read_packages "$2"
    [ -z "$nginx_conf" ] || [ ! -x /usr/sbin/nginx ] || read_nginx "$1"
}
# Which packages apt would remove to install the missing ones, by its present lists; and whether the mirror's name resolves.
read_packages() {
    missing=
    installed=" $(dpkg-query -W -f '${Package}:${db:Status-Status} ' $packages 2>/dev/null)"
    for name in $packages; do
        # Asking apt takes a second, so it is not asked needlessly.
        [ "$name" != systemd-timesyncd ] || [ -z "$1" ] || continue
        case $installed in *" $name:installed "*) ;; *) missing="$missing $name" ;; esac
    done
    [ -n "$missing" ] || return 0
    apt-get -s -o Debug::NoLocking=true -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= --no-install-recommends \
        install $missing 2>/dev/null | sed -n "s/^Remv \([^ ]*\) .*/removes$t\1/p"
    # With a proxy (also the one on the controller) the proxy resolves the name.
    [ "$outbound" != controller ] || return 0
    ! { apt-config dump 2>/dev/null; env; } | grep -qiE 'proxy[a-z:]*(=| ")[a-z0-9]+://|proxy-?auto-?detect "/' || return 0
    site=$(apt-get --print-uris -o Debug::NoLocking=true update 2>/dev/null | sed -n "s|^'https\{0,1\}://\([^/:']*\).*|\1|p" | head -n 1)
    [ -z "$site" ] || timeout 10 getent ahosts "$site" >/dev/null || printf 'unresolved\t%s\n' "$site"
}
# Whether nginx accepts the files in /etc/nginx together with ours. It is not asked about the configuration that it runs.
# Default servers are left out, since ours depends on the others.
read_nginx() {
    [ -n "$1" ] || [ "$nginx_conf" != "$(cat /etc/nginx/nginx.conf 2>/dev/null)" ] || return 0
    unshare --mount sh -c '
mount -t tmpfs tmpfs /mnt && mkdir /mnt/nginx && { cp -aL /etc/nginx/. /mnt/nginx || :; } &&
    rm -f /mnt/nginx/homeport/00-default.conf /mnt/nginx/sites-enabled/default &&
    printf "%s\n" "$1" >/mnt/nginx/nginx.conf && mount --bind /mnt/nginx /etc/nginx || exit 0
said=$(nginx -t -q 2>&1) || printf "nginx_refuses\t%s\n" "$(printf "%s\n" "$said" | grep -m 1 "\[emerg\]" | cut -c 1-300)"
' sh "$nginx_conf" 2>/dev/null
}
