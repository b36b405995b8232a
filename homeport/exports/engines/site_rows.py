"""The rows of the table "setting × ground" of the site: names, TLS, limits, and what a visitor gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from homeport.exports.engines.cells import Cell, here_and, kept, nothing, refused, row

_PROXY = nothing("a container has no proxy")
_MACHINES_PROXY = nothing("it is for the proxy that you put before the port")
_NO_HOLD = nothing("requests are refused while nothing listens")
_NO_STAR = "; one with a star is refused"
_DNS = nothing("see `acme_dns_plugin`")
_NO_LIMIT = refused("Traefik's limit holds back streamed answers; say it by an annotation of your controller's")
_FILES = "nothing before the application serves files here: let it do so itself (StaticFiles)"
_CADDYS_FILES = "Caddy's container has no file of the application's image: let the application serve it (StaticFiles)"
_EDGE = "leave it out, and write it into overrides/compose/Caddyfile in Caddy's words"
_INGRESS = "leave it out, and say it by an annotation of your ingress controller's, in an overlay"

SITE_ROWS: Mapping[str, Mapping[str, Cell]] = {
    "domain": row(_PROXY, _MACHINES_PROXY, kept("Caddy's site"), kept("Ingress")),
    "domain_aliases": row(
        _PROXY, _MACHINES_PROXY, kept(f"redirected{_NO_STAR}"), kept(f"redirected, by Traefik alone{_NO_STAR}")
    ),
    "served_domains": row(_PROXY, _MACHINES_PROXY, kept(f"Caddy's site has them too{_NO_STAR}"), refused(_INGRESS)),
    "trusted_proxies": row(_PROXY, _MACHINES_PROXY, refused(_EDGE), refused(_INGRESS)),
    "allow_from": row(_PROXY, _MACHINES_PROXY, refused(_EDGE), refused(_INGRESS)),
    "basic_auth": row(_PROXY, _MACHINES_PROXY, refused(_EDGE), refused(_INGRESS)),
    "response_headers": row(_PROXY, _MACHINES_PROXY, refused(_EDGE), refused(_INGRESS)),
    "redirects": row(_PROXY, _MACHINES_PROXY, refused(_EDGE), refused(_INGRESS)),
    "rate_limits": row(
        _PROXY, _MACHINES_PROXY, refused("Debian's and Docker's Caddy has no rate limits"), refused(_INGRESS)
    ),
    "path_settings": row(_PROXY, _MACHINES_PROXY, refused(_EDGE), refused(_INGRESS)),
    "brotli": row(_PROXY, _MACHINES_PROXY, refused("Caddy has no Brotli of its own: leave it out"), refused(_INGRESS)),
    "former_domain": row(nothing("no site is taken over")),
    "client_max_body_megabytes": row(_PROXY, _MACHINES_PROXY, kept("`request_body`"), _NO_LIMIT),
    "proxy_read_timeout_seconds": row(
        _PROXY, _MACHINES_PROXY, kept("`read_timeout`"), kept("`responseHeaderTimeout`, by Traefik alone")
    ),
    "hold_seconds": here_and(_NO_HOLD, _NO_HOLD),
    "response_headers_kilobytes": row(
        _PROXY, _MACHINES_PROXY, kept("`max_response_header`"), nothing("the ingress controller has a bound of its own")
    ),
    "static": row(refused(_FILES), refused(_FILES), refused(_CADDYS_FILES), refused(_FILES)),
    **dict.fromkeys(
        ("mounted_on", "mount_path"), row(_MACHINES_PROXY, _MACHINES_PROXY, refused(_EDGE), refused(_INGRESS))
    ),
    "error_page": row(_MACHINES_PROXY, _MACHINES_PROXY, refused(_EDGE), refused(_INGRESS)),
    "spa": row(refused(_FILES), refused(_FILES), refused(_CADDYS_FILES), refused(_FILES)),
    "api_paths": row(nothing("see `spa`")),
    "maintenance_retry_seconds": row(nothing("there is no maintenance page")),
    "tls_profile": row(_PROXY, _MACHINES_PROXY, kept("`protocols`"), kept("`minVersion`, by Traefik alone")),
    "hsts_seconds": row(_PROXY, _MACHINES_PROXY, kept("a header"), kept("a header, by Traefik alone")),
    "hsts_subdomains": row(_PROXY, _MACHINES_PROXY, kept("a header"), kept("a header, by Traefik alone")),
    "hsts_preload": row(_PROXY, _MACHINES_PROXY, kept("a header"), kept("a header, by Traefik alone")),
    "tls": row(
        _PROXY,
        _MACHINES_PROXY,
        refused("Caddy asks the authority itself"),
        kept('"files": the Secret `APP-tls`, which you make'),
    ),
    "tls_certificate_file": row(_PROXY, _MACHINES_PROXY, nothing("see `tls`"), nothing("`kubectl` reads it")),
    "tls_key_file": row(_PROXY, _MACHINES_PROXY, nothing("see `tls`"), nothing("`kubectl` reads it")),
    "acme_email": row(_PROXY, _MACHINES_PROXY, kept("of the account"), kept("Issuer")),
    "acme_directory_url": row(_PROXY, _MACHINES_PROXY, kept("`ca`"), kept("Issuer")),
    "acme_profile": row(
        _PROXY, _MACHINES_PROXY, kept("`profile`, which Caddy 2.10 has"), kept("Issuer; cert-manager 1.18 has it")
    ),
    "acme_key_curve": row(_PROXY, _MACHINES_PROXY, kept("`key_type`"), kept("Certificate")),
    "acme_dns_plugin": row(
        _PROXY,
        _MACHINES_PROXY,
        refused("Caddy has each DNS provider in an image of its own"),
        refused("cert-manager has solvers of its own for DNS: put one into an overlay"),
    ),
    "acme_dns_requirements_file": row(_PROXY, _MACHINES_PROXY, _DNS, _DNS),
    "acme_dns_credentials_file": row(_PROXY, _MACHINES_PROXY, _DNS, _DNS),
    "acme_dns_propagation_seconds": row(_PROXY, _MACHINES_PROXY, _DNS, _DNS),
}
