"""Every setting of homeport with its default. One file per inventory, named like it, overrides them.

A value that is commented out is the machine's: unset, it is as another application there has set it.

`make reference` writes this file and docs/settings.md from the models in homeport/settings/.
"""

# Name of the application: its user, its units and its folders are called so.
# app_name = (no default)

# Git repository with the application, relative to the project's folder or absolute.
app_source = "."

# What to release: a branch, a tag or a commit.
app_ref = "HEAD"

# Folder of the application inside its repository (monorepo).
app_subdirectory = ""

# What is served: a file, a package or `module:app`, seen from the application; with another `server` than "fastapi"
# also `module:create_app()`, a function that makes the application.
app_entrypoint = "main.py"

# Release the working tree with its uncommitted changes instead of refusing it.
allow_dirty = False

# Shell commands that make what `release_include` names (`npm ci && npm run build`, say). They run on the machine that
# deploys, in the application's folder of a copy of the repository at that commit.
build_commands = []

# Names of environment variables of the command that deploys which `build_commands` are given, too (a token for a
# package registry); else they see none of its secrets.
build_environment = []

# Files, folders and patterns (`*.css`) below the application's folder that a release has and git has not: what
# `build_commands` made or, without those, what lies in the working tree. Nothing of `.git` is taken.
release_include = []

# The requirements file that is installed, seen from the application's folder (`"requirements/prod.txt"`,
# `"../all.txt"`), before any other; unset: what is found, `uv.lock` first.
requirements_file = ""

# Python for the application: the system's where that is this version, else one that uv brings; unset: the system's,
# whichever that is.
python_version = None

# Extras of the project (`[project.optional-dependencies]`) that are installed as well.
dependency_extras = []

# Dependency groups of the project (`[dependency-groups]`) that are installed as well; with uv.lock the default groups
# are, except `dev`.
dependency_groups = []

# With `--data`, for an application without a lock: look for the newest versions that it allows instead of those in
# `resolved/` (`homeport deploy --upgrade-dependencies`).
upgrade_dependencies = False

# Hard limit for one slot (systemd's MemoryMax): a worker that reaches it is killed and replaced; "auto": what the
# system does not need, in equal parts for the applications on it; None: no limit.
memory_max_megabytes = "auto"

# What follows when the kernel kills a process of a slot for its memory (systemd's OOMPolicy): "continue": the others
# go on, and the manager replaces the worker; "stop": the whole slot ends, and is started again; "kill": the same at
# once, without time to finish requests.
oom_policy = "continue"

# The application's part of the processors where they are short (systemd's CPUWeight): 200 gets twice of what 100
# gets, which each application has that sets none. Slots, processes and timers share it.
cpu_weight = None

# Processors that the application may use at most (systemd's CPUQuota), 1.5 for one and a half, also where nobody else
# wants them; unset: all. Slots, processes and timers share them.
cpu_max = None

# Environment variables of the application that anybody may see.
environment = {}

# File of NAME=value lines on this machine whose content nobody may see but the application; best encrypted with age
# (`homeport secrets`).
secrets_file = None

# Names of environment variables of the command that deploys (a pipeline's secrets) which the application gets as
# well.
secrets_from_environment = []

# Names of variables of the secrets file, or else of the environment of the command that deploys, that only the
# installation of the dependencies is given (`UV_INDEX_COMPANY_PASSWORD` for a private index).
install_secrets = []

# Further Debian packages that the application needs on the host. One that is left out later stays installed, since
# others may have come to need it.
packages = []

# Long-running commands of the same release, by name: `{"worker": "python -m app.worker"}`; they are switched together
# with the application.
processes = {}

# Commands of the same release that run at times (schedule: as systemd.time(7) has it), by name: `{"digest":
# {"command": "python -m app.digest", "schedule": "daily"}}`.
timers = {}

# Shell commands on each machine before each start of the server and of each of `processes`, also at boot and after a
# crash, by the same user in the same sandbox; one that fails is a failed start. Each is a text, or `{"command": …,
# "timeout_seconds": 300}`.
before_start = []

# Loopback port of the blue slot.
port_blue = 8001

# Loopback port of the green slot.
port_green = 8002

# Which addresses the application may talk to: "any" (all but multicast), "local" (this machine alone), or this
# machine and a list of ranges, `["10.0.0.0/8"]`.
sandbox_network = "any"

# Files and folders that the application may write to besides its state directory and /tmp.
sandbox_writable_paths = []

# Devices that the application may use, `/dev/nvidia0`, say; with any, it sees all of /dev.
sandbox_devices = []

# Let the application make code at run time, which just-in-time compilers (PyPy, Numba) need.
sandbox_jit = False

# What the application sees in /proc: "own" (its own processes alone), "machine" (the machine's figures as well:
# memory, load, processors, time of boot), "all" (the processes of others, too).
sandbox_proc = "machine"

# Shell command (or a list) that migrates the database; "auto": `alembic upgrade head` when the release has an
# alembic.ini; None: no migration.
migrate_command = "auto"

# How long a migration may take, its lock included.
migrate_timeout_seconds = 300

# The machine that migrates the database, before any other starts the release; unset: the first of the inventory that
# serves this application's `domain`.
migrate_on = None

# Before a migration, try it on a copy of the state directory with its SQLite databases, and have the live release
# answer on the copy.
migration_rehearsal = False

# Path that answers when the application can serve.
health_path = "/health"

# Status that the health path answers with.
health_status = 200

# How long a new release may take to become healthy.
health_timeout_seconds = 60

# Good answers in a row that count as healthy.
health_successes = 2

# How long a release is watched after the switch; if it fails, the old one is live again.
watch_seconds = 5

# "overlap": the new release is up before the old one ends, no request is lost; "restart": the old one ends first, for
# machines without memory for two, and requests fail until the new one is healthy.
switch = "overlap"

# Keep the previous release running after a switch: requests go to it while the live one is down, and a rollback to it
# is instant. Takes its memory.
standby = False

# How long the old slot may finish its requests after the switch.
drain_timeout_seconds = 30

# How long the application may take to stop when told to.
stop_timeout_seconds = 30

# Good releases kept on the host, the live and the previous one included.
keep_releases = 5

# Releases (ids) that are never removed from the host.
pinned_releases = []

# How long to wait while somebody else deploys to the host; then the exit status is 4.
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

# With `release`: go back although migrations lie between, which are not undone.
accept_migrations = False

# What serves the application: "fastapi" (`fastapi run`), or, for a lock without that command, a function that makes
# the application and the settings below, "uvicorn", "gunicorn" or "granian".
server = "fastapi"

# With `server = "uvicorn"` (0.37 or newer; unset: 5) or "gunicorn" (unset: 30): how long a worker may not answer its
# manager before it is replaced. Raise it for work that holds Python's lock (a model, say).
worker_timeout_seconds = None

# With `server = "uvicorn"` and two workers or more, or with "gunicorn": a worker is replaced after that many
# requests, for an application that leaks memory; one that comes just then may be lost.
max_requests = None

# With `server = "granian"`: a worker is replaced at that age, for an application that leaks memory; its successor
# starts before it ends.
worker_lifetime_seconds = None

# With `server = "gunicorn"`: the manager loads the code once, and the workers share its memory (a model, say) as long
# as they only read it. What the code opens as it is imported, they share, too.
server_preload = False

# Worker processes of the server; "auto" sizes them to the host's cores and memory.
workers = "auto"

# Have the server log each request to the journal as well. Nginx's access log has them already, and the server answers
# up to a third fewer requests meanwhile.
access_log = False

# Memory that one worker is reckoned with while none is live to be measured.
worker_memory_megabytes = 200

# Name that the application is served under.
# domain = (no default)

# Further names: on the certificate, and redirected to `domain`.
domain_aliases = []

# A name that the application had and has no longer. A deploy that takes a site all of its names at once is refused
# without it, since the site may be another project's; one that keeps the old name among `domain_aliases` for a while
# needs none.
former_domain = None

# Largest request body that the proxy takes.
client_max_body_megabytes = 10

# How long the proxy waits between two reads from the application.
proxy_read_timeout_seconds = 60

# Largest headers of an answer that the proxy takes; above, visitors get 502.
response_headers_kilobytes = 32

# When visitors of the maintenance page are told to come back (Retry-After).
maintenance_retry_seconds = 300

# Mozilla's TLS profile (version 5.7) of this site: `intermediate` (TLS 1.2 and 1.3) or `modern` (TLS 1.3 alone).
tls_profile = "intermediate"

# max-age of Strict-Transport-Security (two years), which is for the site's own names; 0: none.
hsts_seconds = 63072000

# Have it bind all subdomains of the site's names too, whoever serves them: without HTTPS, browsers open none of them
# any more, for hsts_seconds.
hsts_subdomains = False

# Have it agree to the lists that browsers bring along (hstspreload.org); asks for hsts_subdomains and a year.
hsts_preload = False

# Where the certificate comes from: `acme` (Certbot asks an authority) or `files` (yours).
tls = "acme"

# With `tls = "files"`: the chain as PEM, the site's own certificate first; in the project.
tls_certificate_file = None

# With `tls = "files"`: its private key as PEM, without a passphrase; keep it out of git.
tls_key_file = None

# Address that the certificate authority writes to.
acme_email = None

# ACME directory of the certificate authority; its TLS is checked against the host's trust store.
acme_directory_url = "https://acme-v02.api.letsencrypt.org/directory"

# Profile of the certificate, as the authority names it (Let's Encrypt: `tlsserver`, `shortlived`); None: the
# authority's default. An authority that does not have it gives no certificate.
acme_profile = None

# Curve of the certificate's ECDSA key.
acme_key_curve = "secp256r1"

# Certbot plugin that proves the names by DNS (`certbot-dns-rfc2136`), for hosts that the authority cannot reach;
# None: by HTTP.
acme_dns_plugin = None

# The plugin and what it needs, pinned and with hashes; in the project.
acme_dns_requirements_file = None

# The plugin's credentials, an ini file as its documentation has it; keep it out of git.
acme_dns_credentials_file = None

# How long the plugin waits for the domain's name servers before the authority looks.
acme_dns_propagation_seconds = 60

# How long to wait for another apt (unattended upgrades on a fresh cloud machine).
apt_lock_timeout_seconds = 300

# Free space on the host's disk below which nothing is begun.
minimum_free_megabytes = 1024

# How what a deploy fetches for the host (packages, tools, dependencies, certificate) gets there: "host" (by its own
# network and proxies) or "controller" (by the SSH connection and the machine that deploys, for a host that reaches
# nobody; between deploys it goes without).
outbound = "host"

# With `outbound = "controller"`: what the host is led to although it is not public but of the network of the machine
# that deploys, a name, an address or a range: `["pypi.example.lan", "10.1.2.0/24"]`.
outbound_private = []

# Files of somebody else's that a deploy may replace, of which it keeps a copy in /var/lib/homeport/originals:
# `["/etc/nginx/nginx.conf"]`. It changes nothing when it would replace others.
take_over = []

# With `--data`: take the machine over from its other applications, whose values for it differ from this one's
# (`homeport deploy --take-machine`). Without it a deploy that differs is refused.
take_machine = False

# What visitors reach, the same for all applications of the machine: "nginx" or "haproxy" (what it keeps and what it
# cannot: docs/proxies.md).
# proxy = "nginx"

# With `--data`: put the proxy of the settings in the place of the one that the machine has (`homeport deploy
# --replace-proxy`). Open connections are cut, and for some seconds nobody is answered.
replace_proxy = False

# Install the distribution's security upgrades every day (unattended-upgrades).
# security_upgrades = True

# When the machine may reboot for an upgrade that needs it, by its own clock: "03:30"; None: as the machine has it
# (Debian: never). Give the machines behind one proxy different times.
# reboot_time = None

# How large the journal may become; None: as the machine has it.
# journal_max_megabytes = 500

# Rotate the proxy's logs every day, or sooner when they reach 100 MB; 14 are kept.
# log_rotation = True

# Write down every five minutes how much of processors, memory, disk and network is used, for a week: a file of some
# 30 KB, by which `homeport status` advises.
# usage_record = True

# Keep the clock right (systemd-timesyncd), unless something else on the machine does.
# time_synchronisation = True

# Kernel settings for a proxy and against attackers, unused protocols off, no core dumps.
# kernel_hardening = True

# Swap file; "auto": of 1024 MB when the machine has no swap and less than 2 GB of memory; None: none of ours.
# swap_megabytes = "auto"

# Let nothing into the machine but SSH, HTTP, HTTPS and `firewall_open`, by a table of nftables of our own; others are
# left alone. False removes it.
# firewall = True

# What is open besides: `["5432/tcp from 10.0.0.0/8 fd00::/8", "51820/udp", "8000-8010/tcp"]`.
firewall_open = []

# What listens on the machine and need not be reached any more, a port or a program: `["9100/tcp", "rpc.statd"]`. The
# first deploy does not cut what is named neither here nor in `firewall_open`: it refuses.
firewall_close = []

# Have sshd take keys only, and no weak algorithm, by a drop-in file of ours. False removes it.
# sshd_hardening = True

# Accounts that need not log in by SSH any more. A deploy that would lock out somebody else, whose only way in is a
# password, say, refuses and names them.
sshd_close = []

# How long a changed firewall or sshd waits for the new connection that confirms it, before the host restores what was
# there.
lockout_timeout_seconds = 60

# For `homeport export`: the image with Python that the application's is built from, of Debian or Ubuntu:
# `"python:3.13-slim@sha256:…"`; unset: the official slim image of the application's Python.
base_image = None

# For `homeport export`: what the image is called, without a tag, `"registry.example.com/team/notes"`; unset: as the
# application.
image_name = None
