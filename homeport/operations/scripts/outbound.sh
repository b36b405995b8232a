# This part is put before a script that downloads on a host that uses the controller's network. The first line of standard
# input is the address, with a password, of the proxy on the controller. Places in no_proxy are reached without it, as always;
# the settings of apt and pip name no other proxy.
IFS= read -r http_proxy
no_proxy=${no_proxy:-${NO_PROXY:-}}
no_proxy=${no_proxy:+$no_proxy,}localhost,127.0.0.1,::1
https_proxy=$http_proxy HTTP_PROXY=$http_proxy HTTPS_PROXY=$http_proxy NO_PROXY=$no_proxy PIP_PROXY=
export http_proxy https_proxy HTTP_PROXY HTTPS_PROXY no_proxy NO_PROXY PIP_PROXY
unset all_proxy ALL_PROXY ftp_proxy FTP_PROXY
# packages.sh uses them.
# shellcheck disable=SC2034
apt_options='-o Acquire::http::Proxy= -o Acquire::https::Proxy= -o Acquire::http::Proxy-Auto-Detect=
    -o Acquire::https::Proxy-Auto-Detect= -o Acquire::http::Pipeline-Depth=0'
