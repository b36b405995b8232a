# Points the site to a provided certificate, lets the proxy load it, and removes what it replaces: older provided ones, and
# Certbot's, which would be renewed for ever. Certbot's is removed only if it is ours: somebody else's certificate of the same
# name stays. Arguments: application, the certificate's folder.
set -eu
app=$1
folder=$2
tls=/etc/homeport/$app/tls
asked=/run/homeport/asked-$app
log=$(mktemp)
trap 'rm -rf "$log" "$asked"' EXIT
ln -sfn "$folder" "$tls.new"
mv -fT "$tls.new" "$tls"
/usr/local/lib/homeport/homeport-host reload-proxy
for old in "/etc/homeport/$app"/certificate-*; do
    [ "$old" = "$folder" ] || rm -rf "$old"
done
# A killed run may have left a Certbot that still requests a certificate.
let_end "$asked"
if is_ours "/etc/letsencrypt/renewal/$app.conf"; then
    ask "/usr/local/lib/homeport/certbot delete --non-interactive --cert-name $app" "$log" || {
        tool_log 5 "$log"
        echo "error: certificate: Certbot cannot delete its certificate $app, which is not needed any more; everything else is done, see 'certbot certificates' on the host" >&2
        exit 1
    }
fi
