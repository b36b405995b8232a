# Other proxies beside homeport's, on ports of their own, with the same certificate and the same processes behind them,
# each as its documentation has it. Run as root; argument: the site's name.
set -eu
domain=$1
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq -y --no-install-recommends install caddy haproxy >/dev/null
certificate=/etc/letsencrypt/live/hello
install -m 640 -g caddy $certificate/fullchain.pem $certificate/privkey.pem /etc/caddy/
cat >/etc/caddy/Caddyfile <<END
{
    admin off
    auto_https off
}
https://$domain:8443 {
    tls /etc/caddy/fullchain.pem /etc/caddy/privkey.pem
    log {
        output file /var/log/caddy/access.log
    }
    reverse_proxy 127.0.0.1:8001
}
END
(umask 077; cat $certificate/fullchain.pem $certificate/privkey.pem >/etc/haproxy/site.pem)
cat >/etc/haproxy/haproxy.cfg <<END
global
    log /dev/log local0
    user haproxy
    group haproxy
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend site
    bind :9443 ssl crt /etc/haproxy/site.pem alpn h2,http/1.1
    default_backend application
backend application
    http-reuse safe
    server one 127.0.0.1:8001
END
systemctl restart caddy haproxy
for port in 8443 9443; do
    curl -ksSf -o /dev/null --retry 10 --retry-connrefused "https://$domain:$port/small"
done
