# This part is put before every script that changes a host. Variables from a login, PAM (/etc/environment) or a shell must
# not change how tools and dependencies are made: PIP_USER, PYTHONPATH, a TMPDIR that does not exist. Proxies, authorities and
# package indexes are kept, since they say where this machine may download from.
for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
    case $name in
    PATH | HOME | USER | LOGNAME | SHELL | LANG | LC_* | SSH_* | SUDO_*) ;;
    http_proxy | https_proxy | ftp_proxy | all_proxy | no_proxy) ;;
    HTTP_PROXY | HTTPS_PROXY | FTP_PROXY | ALL_PROXY | NO_PROXY) ;;
    SSL_CERT_FILE | SSL_CERT_DIR | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE | NETRC) ;;
    PIP_INDEX_URL | PIP_EXTRA_INDEX_URL | PIP_FIND_LINKS | PIP_NO_INDEX | PIP_TRUSTED_HOST | PIP_CONFIG_FILE) ;;
    PIP_PROXY | PIP_CERT | PIP_CLIENT_CERT | PIP_TIMEOUT | PIP_RETRIES) ;;
    UV_DEFAULT_INDEX | UV_INDEX | UV_INDEX_* | UV_EXTRA_INDEX_URL | UV_FIND_LINKS | UV_NO_INDEX | UV_INSECURE_HOST) ;;
    UV_NATIVE_TLS | UV_SYSTEM_CERTS | UV_KEYRING_PROVIDER | UV_HTTP_* | UV_PYTHON_INSTALL_MIRROR) ;;
    *) unset "$name" ;;
    esac
done
