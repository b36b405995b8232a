# THE FLOOR: from a bare machine to the application over HTTPS, as a plain script does it in one go, with no regard for
# what is there already. Run as root in a folder with files.tar (every file in its place, made by homeport) and
# tools.txt (the lock of Certbot and uv). Arguments: application, release id, name, ACME directory, then the packages.
set -eu
app=$1
release=$2
domain=$3
authority=$4
shift 4
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
umask 022

apt-get -q update
apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@"
useradd --system --user-group --home-dir "/var/lib/$app" --no-create-home --shell /usr/sbin/nologin --comment "homeport application" "$app"
tar -xpf files.tar -C /
rm -f /etc/nginx/sites-enabled/default

placeholder=/etc/homeport/$app/placeholder
install -d -m 700 "$placeholder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=$domain" \
    -keyout "$placeholder/privkey.pem" -out "$placeholder/fullchain.pem"
ln -s "$placeholder" "/etc/homeport/$app/tls"

tools=$(readlink -m /usr/local/lib/homeport/tools)
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check --no-input --require-hashes --only-binary :all: -r tools.txt
touch "$tools/.complete"

systemctl daemon-reload
nginx -t -q
upkeep=$(basename /etc/systemd/system/multi-user.target.wants/homeport-upkeep@*)
systemctl enable --now homeport-renew.timer homeport-access.service "$upkeep"
systemctl reload nginx
sshd -t
systemctl reload ssh

code=/srv/$app/releases/$release
environment=$(readlink -m "$code/.venv")
install -d -o "$app" -g "$app" "$environment"
cd "$code"
as_app() {
    runuser -u "$app" -- env HOME="/var/cache/homeport/$app" UV_CACHE_DIR="/var/cache/homeport/$app/uv" \
        SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt VIRTUAL_ENV="$environment" UV_NO_PROGRESS=1 \
        UV_PYTHON_DOWNLOADS=never "$@"
}
as_app "$tools/bin/uv" venv --no-managed-python --python /usr/bin/python3 "$environment"
as_app "$tools/bin/uv" pip install -r requirements.txt --compile-bytecode --link-mode copy --require-hashes
chown -R root:root "$environment"
touch "$environment/.complete"

# The unit requires the migration, and has started only when the application is healthy.
systemctl start "$app@blue.service"
systemctl enable "$app@blue.service"
printf '{"event": "live", "release": "%s"}\n' "$release" >"/srv/$app/releases.jsonl"

/usr/local/bin/certbot certonly --non-interactive --agree-tos --webroot --webroot-path /var/www/homeport-acme \
    --cert-name "$app" --server "$authority" --register-unsafely-without-email -d "$domain"
ln -sfn "/etc/letsencrypt/live/$app" "/etc/homeport/$app/tls"
systemctl reload nginx
