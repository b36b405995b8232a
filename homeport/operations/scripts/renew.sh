# Renews the application's certificate at once, however long it is still valid. Argument: application.
set -eu
app=$1
[ -f "/etc/letsencrypt/renewal/$app.conf" ] || {
    echo "error: certificate: Certbot has no certificate for $app yet; deploy, which requests the first one" >&2
    exit 1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "asking for another certificate"
is_ours "/etc/letsencrypt/renewal/$app.conf" || {
    echo "error: certificate: Certbot's certificate $app is not homeport's, so homeport does not renew it" >&2
    exit 1
}
ask "/usr/local/lib/homeport/certbot renew --cert-name $app --force-renewal --non-interactive --no-random-sleep-on-renew \
    --no-directory-hooks --pre-hook '' --post-hook '' --deploy-hook '/usr/local/lib/homeport/homeport-host reload-proxy'" "$log" || {
    grep -vE '^(Saving debug log|- - -|Ask for help|$)' "$log" | tool_log 12
    echo "error: certificate: it was not renewed, and the present one is still served" >&2
    exit 1
}
# Certbot's exit status does not include its hook: so it is checked here whether the new certificate is served.
/usr/local/lib/homeport/homeport-host reload-proxy
echo "renewed, good until $(openssl x509 -noout -enddate -in "/etc/letsencrypt/live/$app/fullchain.pem" | cut -d = -f 2)"
