# Points the site to a certificate that was brought, lets the proxy take it up, and throws away what it replaces: older
# ones, and Certbot's, which would be renewed for ever, if it is ours: somebody else's of the same name is left alone. Arguments: application, the certificate's folder.
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
# A run that was killed may have left Certbot asking.
let_end "$asked"
if is_ours "/etc/letsencrypt/renewal/$app.conf"; then
    ask "/usr/local/lib/homeport/certbot delete --non-interactive --cert-name $app" "$log" || {
        tool_log 5 "$log"
        echo "error: certificate: Certbot cannot delete its certificate $app, which is not needed any more; everything else is done, see 'certbot certificates' on the host" >&2
        exit 1
    }
fi
