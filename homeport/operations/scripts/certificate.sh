# Obtains the certificate, points the site to it and lets the proxy load it. Arguments: application, ACME directory, the
# names with commas between them, and Certbot's command, quoted for a shell ("": use the certificate that is there).
set -eu
app=$1
directory=$2
names=$(echo "$3" | tr , ' ')
command=$4
asked=/run/homeport/asked-$app
log=$(mktemp)
trap 'rm -rf "$log" "$asked"' EXIT
dns=
case $command in *" --authenticator dns-"*) dns=yes ;; esac
said() { grep -vE '^(Saving debug log|- - -|Ask for help|$)' "$log"; }
explain() {
    failed=$(sed -n 's/^ *\(Identifier\|Domain\): *//p' "$log" | paste -sd ' ')
    case $dns:$(cat "$log") in
    *"Another instance of Certbot"*) echo "another Certbot has been at work on this host for five minutes" ;;
    *"CERTIFICATE_VERIFY_FAILED"*) echo "this host does not trust the authority at $directory" ;;
    *"too many"* | *rateLimited*) echo "the authority's rate limit is reached; wait before you deploy again" ;;
    *"Connection refused"* | *"Max retries exceeded"* | *"timed out"* | *"503 "*)
        echo "the authority at $directory does not answer" ;;
    *invalidProfile* | *"profile name"* | *"certificate profile"*)
        echo "the authority at $directory has no such profile (acme_profile)" ;;
    yes:*) echo "the names cannot be proven by DNS: $(said | tail -n 1 | cut -c 1-160)" ;;
    *NXDOMAIN* | *"DNS problem"* | *"could not resolve"* | *"No valid IP"*)
        echo "the authority finds no address for ${failed:-a name}" ;;
    *) echo "the authority cannot see ${failed:-the name} on this host: $(sed -n 's/^ *Detail: *//p' "$log" | head -n 1 | cut -c 1-160)" ;;
    esac
}
# The result of the request during the run (request.sh): an authority would count another request as a second failure.
earlier() {
    [ -s "$asked/status" ] && [ "$(cat "$asked/command")" = "$command" ] && ! is_busy "$asked/log" && cp "$asked/log" "$log"
}
# Certbot would keep a certificate that a killed run requested with other settings (another authority, say); homeport does not.
replaces() { [ -s "$asked/status" ] && [ "$(cat "$asked/status")" = 0 ]; }
# An authority that was set up again does not know our account: move it aside, so that a new one is registered.
forget_account() {
    grep -qE 'accountDoesNotExist|Account .* not found' "$log" || return 1
    account=/etc/letsencrypt/accounts/${directory#https://}
    [ -d "$account" ] && mv "$account" "$account.forgotten.$(date +%s)"
}
let_end "$asked"
if [ -n "$command" ]; then
    status=0
    if earlier; then
        status=$(cat "$asked/status")
    else
        echo "asking for a certificate for $names"
        ! replaces || command="$command --force-renewal"
        ask "$command" "$log" || status=$?
    fi
    [ "$status" = 0 ] || { forget_account && ask "$command" "$log"; } || {
        said | tool_log 12
        echo "error: certificate: the authority gave none for $names: $(explain); everything else works, correct that and deploy again" >&2
        exit 1
    }
fi
[ -f "/etc/letsencrypt/live/$app/fullchain.pem" ] || {
    echo "error: certificate: Certbot has stored it under another name than $app; see 'certbot certificates' on the host, delete the damaged certificate there and deploy again" >&2
    exit 1
}
tls=/etc/homeport/$app/tls
ln -sfn "/etc/letsencrypt/live/$app" "$tls.new"
mv -fT "$tls.new" "$tls"
/usr/local/lib/homeport/homeport-host reload-proxy
# The site had a provided certificate, which is no longer needed.
rm -rf "/etc/homeport/$app"/certificate-*
