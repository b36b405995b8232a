"""Every setting of homeport with its default. One file per inventory, named like it, overrides them.

A setting that is commented out belongs to the machine: unset, it has the value of another application there.

`make reference` writes this file and docs/settings.md from the models in homeport/settings/.
"""

# Name of the application, and of its user, its units and its folders on the host.
# app_name = (no default)

# Git repository with the application, relative to the project's folder or absolute.
app_source = "."

# What to release: a branch, a tag or a commit.
app_ref = "HEAD"

# Folder of the application inside its repository (monorepo).
app_subdirectory = ""

# Where the FastAPI application is: a file, a package or `module:app`, relative to the application's folder; with
# another `server` than "fastapi" also `module:create_app()`, a function that creates it.
app_entrypoint = "main.py"

# Release the working tree with its uncommitted changes instead of refusing it.
allow_dirty = False

# Shell commands that build the files of `release_include`, such as `npm ci && npm run build`. They run on the machine
# that deploys, in a copy of the repository at the released commit, in the application's folder.
build_commands = []

# Names of environment variables of the deploying command that `build_commands` get too, such as a token for a package
# registry; without this they see none of its secrets.
build_environment = []

# Files, folders and patterns (`*.css`) below the application's folder that a release contains although git does not
# track them: the results of `build_commands` or, without those, files of the working tree. Files of `.git` are never
# included.
release_include = []

# The requirements file to install from, relative to the application's folder (`"requirements/prod.txt"`,
# `"../all.txt"`); unset: homeport looks for a lock file itself, `uv.lock` first.
requirements_file = ""

# Python version of the application. uv installs it unless the host's own Python has this version; unset: the host's
# own Python.
python_version = None

# Extras of the project (`[project.optional-dependencies]`) to install as well.
dependency_extras = []

# Dependency groups of the project (`[dependency-groups]`) to install as well; with uv.lock its default groups are
# installed too, except `dev`.
dependency_groups = []

# With `--data`, for an application without a lock: install the newest versions that it allows instead of those in
# `resolved/` (`homeport deploy --upgrade-dependencies`).
upgrade_dependencies = False

# What runs the application: "systemd", or "supervisor" (Debian's package of that name) for slots, processes and
# migration; docs/supervisor.md says what that keeps and what not.
supervisor = "systemd"

# Hard memory limit of one slot (systemd's MemoryMax): a worker that reaches it is killed and replaced; "auto": the
# memory that the system does not need, divided equally among the applications of the machine; None: no limit.
memory_max_megabytes = "auto"

# What happens when the kernel kills a process of a slot because it uses too much memory (systemd's OOMPolicy):
# "continue": the other processes go on, and the manager replaces the worker; "stop": the whole slot stops and is
# started again; "kill": the same, but at once, without time to finish requests.
oom_policy = "continue"

# The application's share of the processors when they are busy (systemd's CPUWeight): with 200 it gets twice as much
# as an application with 100, the default. Slots, processes and timers share it.
cpu_weight = None

# How many processors the application may use at most (systemd's CPUQuota) (such as 1.5), even when others are idle;
# unset: all. Slots, processes and timers share them.
cpu_max = None

# Environment variables of the application that are not secret.
environment = {}

# File of NAME=value lines, on the machine that deploys, that only the application may see; best encrypted with age
# (`homeport secrets`).
secrets_file = None

# Names of environment variables of the deploying command (a pipeline's secrets) that the application gets too.
secrets_from_environment = []

# Names of variables that only the installation of the dependencies gets (`UV_INDEX_COMPANY_PASSWORD` for a private
# index); their values are in the secrets file, or in the environment of the deploying command.
install_secrets = []

# More Debian packages that the application needs on the host. A package that you take off the list stays installed:
# other programs may need it.
packages = []

# Long-running commands of the release, by name: `{"worker": "python -m app.worker"}`; they are switched together with
# the application.
processes = {}

# Commands of the release that run at certain times (`schedule` as in systemd.time(7)), by name: `{"digest":
# {"command": "python -m app.digest", "schedule": "daily"}}`.
timers = {}

# Shell commands on each machine before every start of the server and of each of `processes`, also at boot and after a
# crash, by the same user in the same sandbox; if one fails, the start fails. Each is a text, or `{"command": …,
# "timeout_seconds": 300}`.
before_start = []

# Loopback port of the blue slot.
port_blue = 8001

# Loopback port of the green slot.
port_green = 8002

# Files and folders below the application's folder that it writes to, such as `["uploads", "app.db"]`: they are in its
# state directory, all releases have the same. What the release has there is copied once, at the first deploy.
state_paths = []

# Which addresses the application may connect to: "any" (all but multicast), "local" (only this machine), or a list of
# ranges besides this machine, `["10.0.0.0/8"]`.
sandbox_network = "any"

# Files and folders that the application may write to besides its state directory and /tmp.
sandbox_writable_paths = []

# Devices that the application may use, such as `/dev/nvidia0`; with this setting it sees all of /dev.
sandbox_devices = []

# Allow the application to generate code at run time, which just-in-time compilers (PyPy, Numba) need.
sandbox_jit = False

# What the application sees in /proc: "own" (only its own processes), "machine" (also the machine's figures: memory,
# load, processors, boot time), "all" (also other users' processes).
sandbox_proc = "machine"

# Shell command (or a list) that migrates the database; "auto": `alembic upgrade head` when the release has an
# alembic.ini; None: no migration.
migrate_command = "auto"

# How long a migration may take, including the wait for a lock of the database.
migrate_timeout_seconds = 300

# The machine that migrates the database before the others start the release; unset: the first in the inventory that
# serves this application's `domain`.
migrate_on = None

# Before a migration, try it on a copy of the state directory with its SQLite databases, and check that the live
# release answers on that copy.
migration_rehearsal = False

# Path that answers when the application is ready to serve.
health_path = "/health"

# HTTP status of a healthy answer.
health_status = 200

# How long a new release may take to become healthy.
health_timeout_seconds = 60

# Good answers in a row that count as healthy.
health_successes = 2

# How long a release is watched after the switch; if it fails, the old one is live again.
watch_seconds = 5

# "overlap": the new release starts before the old one stops, and no request is lost; "restart": the old one stops
# first, for machines without memory for two, and requests wait until the new one is healthy (hold_seconds).
switch = "overlap"

# Keep the previous release running after a switch: it answers while the live one is down, and a rollback to it is
# instant. It needs memory for both.
standby = False

# How long the old slot may take to finish its requests after the switch.
drain_timeout_seconds = 30

# How long the application may take to stop when told to.
stop_timeout_seconds = 30

# How many good releases to keep on the host, including the live and the previous one.
keep_releases = 5

# Releases (ids) that are never removed from the host.
pinned_releases = []

# How long to wait while another deploy to the host runs; after that the exit status is 4.
lock_wait_seconds = 0

# Shell commands before a release's migration; one that fails ends the deploy. Each is a text, or `{"command": …,
# "user": "root", "timeout_seconds": 60}`.
hooks_before_migration = []

# Shell commands after a release went live.
hooks_after_live = []

# Shell commands after a release failed, before the error is shown.
hooks_on_failure = []

# With `--data`: go back to this release (an id, or "previous") instead of deploying.
release = None

# With `release`: go back although there were migrations in between, which a rollback does not undo.
accept_migrations = False

# The server program: "fastapi" (`fastapi run`), "uvicorn", "gunicorn", "granian" or "hypercorn". The last four are
# for a lock without the fastapi command, for an application that a function creates, and for the settings below.
server = "fastapi"

# With `server = "uvicorn"` (0.37 or newer; unset: 5) or "gunicorn" (unset: 30): a worker that does not answer its
# manager for so long is replaced. Raise it for work that holds Python's global lock (such as a model).
worker_timeout_seconds = None

# With `server = "uvicorn"` and two or more workers, or with "gunicorn" or "hypercorn": replace a worker after this
# number of requests, for an application that leaks memory; a request that arrives at that moment may be lost.
max_requests = None

# With `server = "granian"`: replace a worker at this age, for an application that leaks memory; the new worker starts
# before the old one ends.
worker_lifetime_seconds = None

# With `server = "gunicorn"`: the manager loads the code once, and the workers share its memory (such as a model)
# while they only read it. They also share what the code opens during its import.
server_preload = False

# Number of worker processes of the server; "auto" chooses it by the host's cores and memory.
workers = "auto"

# Write each request to the journal as well. The proxy's access log has them already, and with this the server answers
# up to a third fewer requests.
access_log = False

# Memory to plan for one worker until a running worker has been measured.
worker_memory_megabytes = 200

# Domain name of the site.
# domain = (no default)

# More domain names: they are on the certificate too, and redirect to `domain`. `*.example.com` is every name with one
# label in the place of the star.
domain_aliases = []

# The site's old domain name, when you replace all its names in one deploy. Such a deploy is refused without it, since
# the site could belong to another project; not needed while the old name is one of `domain_aliases`.
former_domain = None

# Largest request body that the proxy accepts.
client_max_body_megabytes = 10

# How long the proxy waits for the next part of the application's answer.
proxy_read_timeout_seconds = 60

# How long a request waits while the application does not accept connections (it restarts, has crashed, or the machine
# boots); after that the answer is 503 with Retry-After. 0: it is refused at once.
hold_seconds = 10

# Largest headers of an answer that the proxy accepts; with larger ones visitors get 502.
response_headers_kilobytes = 32

# When visitors of the maintenance page should come back (Retry-After).
maintenance_retry_seconds = 300

# Mozilla's TLS profile (version 6.0) of this site: `intermediate` (TLS 1.2 and 1.3) or `modern` (only TLS 1.3).
tls_profile = "intermediate"

# max-age of Strict-Transport-Security (two years) for the site's own names; 0: no such header.
hsts_seconds = 63072000

# Extend it to all subdomains of the site's names, whoever serves them: for hsts_seconds, browsers open none of them
# without HTTPS.
hsts_subdomains = False

# Agree that browsers put the site on their built-in lists (hstspreload.org); needs hsts_subdomains and a year.
hsts_preload = False

# Where the certificate comes from: `acme` (Certbot requests it from a certificate authority) or `files` (you provide
# it).
tls = "acme"

# With `tls = "files"`: the certificate chain as PEM, the site's own certificate first; a file in the project.
tls_certificate_file = None

# With `tls = "files"`: the private key as PEM, without a passphrase; keep it out of git.
tls_key_file = None

# Address that the certificate authority writes to.
acme_email = None

# ACME directory of the certificate authority; the host must trust the authority's own TLS certificate.
acme_directory_url = "https://acme-v02.api.letsencrypt.org/directory"

# Certificate profile, by the authority's name for it (Let's Encrypt: `tlsserver`, `shortlived`); None: the
# authority's default. An authority that does not know the profile gives no certificate.
acme_profile = None

# Curve of the certificate's ECDSA key.
acme_key_curve = "secp256r1"

# Certbot plugin that proves the names by DNS (`certbot-dns-rfc2136`), for names with a star, and for hosts that the
# authority cannot reach; None: proof by HTTP.
acme_dns_plugin = None

# Requirements file of the plugin, with pinned versions and hashes; in the project.
acme_dns_requirements_file = None

# The plugin's credentials, an ini file as the plugin's documentation describes it; keep it out of git.
acme_dns_credentials_file = None

# How long the plugin waits for the domain's name servers before the authority checks.
acme_dns_propagation_seconds = 60

# More domain names that the application answers itself, on the same certificate; `domain_aliases` redirect instead.
# `*.example.com` is every name with one label in the place of the star.
served_domains = []

# Addresses and ranges of a CDN or load balancer in front of the machine. From these alone X-Forwarded-For is
# believed: logs, limits, `allow_from` and the application get the visitor's own address.
trusted_proxies = []

# Addresses and ranges that may visit the site, all others get 403; empty: everybody. Behind a CDN or load balancer
# set `trusted_proxies` too.
allow_from = []

# Ask visitors for a user and a password: `{"guest": "GUEST_PASSWORD"}`, each user with the name of a variable in the
# secrets file, or in the environment of the deploying command. The application gets neither the variable nor the
# header Authorization.
basic_auth = {}

# Headers that every answer has, errors too: `{"X-Frame-Options": "DENY"}`. They take the place of the application's
# own of that name.
response_headers = {}

# Paths that lead elsewhere: `{"/old": "/new", "/docs": {"target": "https://docs.example.com/", "status": 302}}`. The
# status is 308 unless it is given.
redirects = {}

# How often one client may ask for what is below a path: `{"/login": "5/minute", "/": {"rate": "20/second", "burst":
# 100}}`. More gets 429. A client is an IPv4 address, or a network of IPv6 (/64).
rate_limits = {}

# What differs for a path and all below it: `{"/upload": {"client_max_body_megabytes": 500,
# "proxy_read_timeout_seconds": 600}, "/events": {"streamed": True}}`. `streamed` answers are not compressed, and each
# piece is sent on at once.
path_settings = {}

# Compress answers by Brotli for whoever accepts it, as browsers do; by Debian's module for Nginx. False: by gzip
# alone.
brotli = False

# The application on the same machine whose name this one is served under, below `mount_path`; `domain` is that name.
# It gets no certificate of its own, and comes and goes without the other's deploy.
mounted_on = None

# The path that it is served below: `"/shop"`. The application gets requests without it, and is told it as its root
# path.
mount_path = None

# Folders of the release that the proxy serves by itself, by URL path: `{"/static": "app/static"}`. What is no file
# there is the application's to answer.
static = {}

# Folders with a built frontend, by URL path: `{"/": "frontend/dist"}`. Its files are served as `static` ones are,
# then the application answers; where that knows no such page (404, 405), a visitor who opens one gets the folder's
# index.html.
spa = {}

# URL paths below a `spa` that the application alone answers, with all below them. Set, they are all that it is asked
# for when a page is opened: every other page is index.html at once. Unset: `/api` is the application's alone, and it
# is asked for every page first.
api_paths = None

# A page of the release for visitors when the application fails to answer, is being started or takes too long (502,
# 503, 504): `"pages/error.html"`. Unset: a plain page of the proxy's. Who asks for JSON gets JSON either way; what
# the application answers itself is passed on as it is.
error_page = None

# Previews of branches (`homeport preview up`) are served under names below this one, `BRANCH.preview_domain`; None:
# below the path `/preview/` of `domain`.
preview_domain = None

# Hard memory limit of a preview, of its server and all that runs beside it together; previews do not count where
# `memory_max_megabytes` is "auto".
preview_memory_megabytes = 256

# Environment variables of previews, besides those of `environment` and in their place.
preview_environment = {}

# The `secrets_file` of previews. Without it they have no secrets: they get none of production's.
preview_secrets_file = None

# What a preview begins with: "empty" (an empty state directory) or "copy" (a copy of production's state directory,
# its SQLite databases whole; whoever sees the preview may see production's data).
preview_data = "empty"

# Shell command that fills a preview's database, once, after its first migration, as the preview's user.
preview_seed_command = ""

# With `--data`: the branch that this run makes a preview of, and until when (`homeport preview up` sets it).
preview = None

# How long to wait while another apt runs (unattended upgrades on a fresh cloud machine).
apt_lock_timeout_seconds = 300

# A deploy does not start with less free space than this on the host's disk.
minimum_free_megabytes = 1024

# How the host downloads what a deploy needs (packages, tools, dependencies, certificate): "host" (over its own
# network and proxies) or "controller" (over the SSH connection and the network of the machine that deploys, for a
# host without access to the internet; between deploys it has none).
outbound = "host"

# With `outbound = "controller"`: private places, in the network of the machine that deploys, that the host may reach
# as well: names, addresses or ranges, `["pypi.example.lan", "10.1.2.0/24"]`.
outbound_private = []

# Files that are not homeport's and that a deploy may replace: `["/etc/nginx/nginx.conf"]`; a copy is kept in
# /var/lib/homeport/originals. A deploy that would replace any other such file changes nothing.
take_over = []

# With `--data`: set the machine's settings although other applications on it have other values (`homeport deploy
# --take-machine`). Without it such a deploy is refused.
take_machine = False

# The proxy that visitors reach, one for all applications of the machine: "nginx", "haproxy", "caddy" or "traefik"
# (docs/proxies.md says what each supports).
# proxy = "nginx"

# With `--data`: replace the machine's proxy by the one in the settings (`homeport deploy --replace-proxy`). This cuts
# open connections, and for some seconds visitors get no answer.
replace_proxy = False

# A port for load balancers that speak the PROXY protocol, and their addresses: `"8443 from 10.0.0.0/24"`. They send
# what comes to their port 443 there; from these addresses alone the preamble is believed, and nobody else is heard on
# the port.
# proxy_protocol = None

# Install the distribution's security upgrades every day (unattended-upgrades).
# security_upgrades = True

# When the machine may reboot for an upgrade that needs it, in its own time zone: "03:30"; None: do not change the
# machine's setting (Debian: never). Give machines behind one load balancer different times.
# reboot_time = None

# Largest size of the journal; None: do not change the machine's setting.
# journal_max_megabytes = 500

# Rotate the proxy's logs every day, or sooner at 100 MB; 14 are kept.
# log_rotation = True

# Record every five minutes how much processor, memory, disk and network is used, and keep it for a week (a file of
# about 30 KB); `homeport status` bases its advice on it.
# usage_record = True

# Keep the clock right (systemd-timesyncd), unless another program on the machine does.
# time_synchronisation = True

# Kernel settings for a proxy and against attackers; unused protocols and core dumps are off.
# kernel_hardening = True

# Size of the swap file; "auto": 1024 MB if the machine has no swap and less than 2 GB of memory; None: homeport makes
# none.
# swap_megabytes = "auto"

# Block all incoming connections but SSH, HTTP, HTTPS and `firewall_open`, with homeport's own nftables table; other
# tables are not touched. False removes it.
# firewall = True

# More ports to open: `["5432/tcp from 10.0.0.0/8 fd00::/8", "51820/udp", "8000-8010/tcp"]`.
firewall_open = []

# Ports or programs that listen on the machine and may be closed: `["9100/tcp", "rpc.statd"]`. The first deploy with
# the firewall is refused while a listening port is neither here nor in `firewall_open`.
firewall_close = []

# Let sshd accept only keys and no weak algorithms, with homeport's own drop-in file. False removes it.
# sshd_hardening = True

# Accounts that need not log in by SSH any more. A deploy that would lock out any other account (one that logs in by
# password, for example) is refused, and names it.
sshd_close = []

# After a change of firewall or sshd: how long the host waits for a new connection that confirms the change, before it
# restores the previous state.
lockout_timeout_seconds = 60

# For `homeport export`: the image with Python that the application's is built from, of Debian or Ubuntu:
# `"python:3.13-slim@sha256:…"`; unset: the official slim image of the application's Python.
base_image = None

# For `homeport export`: the image with the programs of `build_commands`, which run in a stage of it as the
# application's is built: `"node:22-slim"`; unset: you run them before.
build_image = None

# For `homeport export`: what the image is built for, `["linux/amd64", "linux/arm64"]`; unset: for the builder's own.
# Several are built by Docker's buildx, and pushed at once. Not for `--classic`.
platforms = []

# For `homeport export`: what the image is called, without a tag, `"registry.example.com/team/notes"`; unset: as the
# application.
image_name = None

# For exports to Kubernetes, Swarm and Nomad: how many containers serve the site, each with `workers` workers. More
# than one needs a database that is not a file, and `state_volume_megabytes = None`.
replicas = 1

# For `homeport export kubernetes`: up to how many replicas the cluster adds while their processors are busy (70 % of
# what their workers can use); unset: `replicas`, always.
replicas_max = None

# For exports to Kubernetes, Swarm and Nomad: size of the volume that keeps `$STATE_DIRECTORY`, of one replica (Swarm
# and Nomad bound none); None: what is written there goes with its container.
state_volume_megabytes = 1024

# For exports to Kubernetes and Nomad: the namespace; unset: named as the application (Nomad: "default").
cluster_namespace = None

# For `homeport export kubernetes`: the name of the Secret with the login of the image's registry (`kubectl create
# secret docker-registry`), which you make; unset: the registry asks for none.
image_pull_secret = None

# For `homeport export kubernetes`: the class of the ingress controller. Aliases, HSTS, the limits of the proxy and
# `tls_profile = "modern"` are translated for "traefik" alone.
ingress_class = "traefik"

# For `homeport export kubernetes`: the namespace in which the ingress controller runs, from where alone the
# application is reached (in k3s "kube-system").
ingress_namespace = "traefik"
