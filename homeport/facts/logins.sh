# Who can log in to a host now, and who could after sshd has read the wanted drop-in file. Changes nothing: staged files
# are in memory, in a mount namespace of their own. Defines `read_logins`, which prints lines as snapshot.sh does:
# colleague (name, groups, kind of key, password), before and after (name, keyword, value), directory (its kind), staged
# (whether passwords are accepted then), refused (what sshd says), host_key (type).
keywords='^((pubkey|password|kbdinteractive|gssapi|hostbased)authentication|authenticationmethods|permitrootlogin'
keywords="$keywords|(allow|deny)(users|groups)|authorizedkeys(file|command)|trustedusercakeys|requiredrsasize|hostkey"
keywords="$keywords|hostkeyalgorithms|fails) "
# Usage: kind_of_key USER HOME FILES; prints key, weak (RSA of less than 2048 bits, and no other) or nothing.
kind_of_key() {
    for file in $3; do
        case $file in /* | %h*) ;; *) file=$2/$file ;; esac
        file=$(printf '%s\n' "$file" | sed "s|%h|$2|g; s|%u|$1|g; s|%%|%|g")
        [ ! -f "$file" ] || ssh-keygen -lf "$file" 2>/dev/null
    done | awk '$NF == "(RSA)" && $1 < 2048 { weak = 1; next } { strong = 1 } END { print strong ? "key" : weak ? "weak" : "" }'
}
# Usage: settings_before USER; sshd's settings for this account, on a connection like ours.
settings_before() {
    /usr/sbin/sshd -T -C "user=$1,$connection" 2>/dev/null | grep -E "$keywords" | sed "s/^\([a-z]*\) /before$t$1$t\1$t/"
}
# Usage: read_colleague ENTRY; an entry of /etc/passwd. Accounts with neither a key nor a password cannot be locked out.
read_colleague() {
    IFS=: read -r user _ _ _ _ home shell <<END
$1
END
    password=
    # crypt(5): an entry that begins differently is locked, or is not a password.
    case $(getent shadow "$user" | cut -d : -f 2) in [a-zA-Z0-9./_$]?*) password=password ;; esac
    case $shell in
    # Such an account may still use SFTP.
    */nologin | */false | /bin/sync) [ -n "$password" ] || [ -f "$home/.ssh/authorized_keys" ] || return 0 ;;
    esac
    before=$(settings_before "$user")
    key=$(kind_of_key "$user" "$home" "$(printf '%s\n' "$before" | cut -f 3- | sed -n "s/^authorizedkeysfile$t//p")")
    [ -n "$key$password" ] || return 0
    printf 'colleague\t%s\t%s\t%s\t%s\n%s\n' "$user" "$(id -Gn "$user")" "$key" "$password" "$before"
}
read_logins() {
    [ -n "$drop_in" ] && [ -x /usr/sbin/sshd ] || return 0
    # Never weaker than the host's own setting.
    case $(printf '%s\n' "$settings" | sed -n 's/^permitrootlogin //p') in
    no) root_login=no ;;
    forced*) root_login=forced-commands-only ;;
    *) root_login=prohibit-password ;;
    esac
    drop_in=$(printf '%s\n' "$drop_in" | sed "s/^PermitRootLogin prohibit-password$/PermitRootLogin $root_login/")
    [ "$drop_in" != "$(cat /etc/ssh/sshd_config.d/00-homeport.conf 2>/dev/null)" ] || return 0
    connection="host=${client:-localhost},addr=${client:-127.0.0.1},laddr=${server:-127.0.0.1},lport=${port:-22}"
    logins=$(getent passwd | head -n 500 | while IFS= read -r entry; do read_colleague "$entry"; done)
    # The accounts of a directory service cannot be listed; all of them have passwords.
    sed -n "s/^passwd:.*[[:space:]]\(sss\|ldap\|winbind\).*/directory$t\1/p" /etc/nsswitch.conf 2>/dev/null
    ours=$(settings_before "$login")
    for file in $(printf '%s\n' "$ours" | cut -f 3- | sed -n "s/^hostkey$t//p"); do
        [ ! -f "$file.pub" ] || printf 'host_key\t%s\n' "$(cut -d ' ' -f 1 "$file.pub")"
    done
    users=$(printf '%s\n' "$logins" | sed -n "s/^colleague$t\([^$t]*\)$t.*/\1/p")
    printf '%s\n' "$logins"
    case " $(printf '%s' "$users" | tr '\n' ' ') " in *" $login "*) ;; *) printf '%s\n' "$ours"; users="$login $users" ;; esac
    unshare --mount sh -c "$staging" sh "$drop_in" "$connection" "$keywords" "$t" $users 2>/dev/null
}
# Links are followed while copying: a change in the copy would otherwise go through the link to the real file.
staging='
mount -t tmpfs tmpfs /mnt && mkdir /mnt/ssh && { cp -aL /etc/ssh/. /mnt/ssh || :; } && mkdir -p /mnt/ssh/sshd_config.d &&
    printf "%s\n" "$1" >/mnt/ssh/sshd_config.d/00-homeport.conf && mount --bind /mnt/ssh /etc/ssh || exit
connection=$2 keywords=$3 t=$4
shift 4
said=$(/usr/sbin/sshd -T -C "user=root,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22" 2>&1) || {
    printf "refused\t%s\n" "$(printf "%s\n" "$said" | tail -n 1)"
    exit
}
printf "staged\t%s\n" "$(printf "%s\n" "$said" | sed -n "s/^passwordauthentication //p")"
for user in "$@"; do
    said=$(/usr/sbin/sshd -T -C "user=$user,$connection" 2>/dev/null) || said="fails yes"
    printf "%s\n" "$said" | grep -E "$keywords" | sed "s/^\([a-z]*\) /after$t$user$t\1$t/"
done
'
