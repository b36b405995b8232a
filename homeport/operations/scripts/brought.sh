# Points the site to a certificate that was brought, lets the proxy take it up, and throws away what it replaces: older
# ones, and Certbot's, which would be renewed for ever. Arguments: application, the certificate's folder.
set -eu
app=$1
folder=$2
tls=/etc/homeport/$app/tls
ln -sfn "$folder" "$tls.new"
mv -fT "$tls.new" "$tls"
/usr/local/lib/homeport/homeport-host reload-proxy
for old in "/etc/homeport/$app"/certificate-*; do
    [ "$old" = "$folder" ] || rm -rf "$old"
done
if [ -e "/etc/letsencrypt/renewal/$app.conf" ]; then
    said=$(/usr/local/bin/certbot delete --non-interactive --cert-name "$app" 2>&1) || {
        printf '%s\n' "$said" | tail -n 5
        echo "error: certificate: Certbot cannot delete $app, which is no longer wanted; everything else is done, see 'certbot certificates' on the host" >&2
        exit 1
    }
fi
