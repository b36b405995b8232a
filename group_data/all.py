"""Every setting of homeport with its default. One file per inventory, named like it, overrides them.

`make reference` writes this file and docs/settings.md from homeport/settings/model.py.
"""

# Name of the application: its user, its units and its folders are called so.
# app_name = (no default)

# Git repository with the application, relative to the project's folder or absolute.
app_source = "."

# What to release: a branch, a tag or a commit.
app_ref = "HEAD"

# Folder of the application inside its repository (monorepo).
app_subdirectory = ""

# What `fastapi run` serves: a file, a package or `module:app`, seen from the application.
app_entrypoint = "main.py"

# Release the working tree with its uncommitted changes instead of refusing it.
allow_dirty = False

# Python for the application, managed by uv; unset: the system's.
python_version = None

# Worker processes of `fastapi run`; "auto" sizes them to the host's cores and memory.
workers = "auto"

# Memory that one worker is reckoned with when `workers` is sized to the host.
worker_memory_megabytes = 200

# Hard limit for one slot (systemd's MemoryMax); unset: no limit.
memory_max_megabytes = None

# Environment variables of the application that anybody may see.
environment = {}

# File of NAME=value lines on this machine whose content nobody may see but the application.
secrets_file = None

# Further Debian packages that the application needs on the host.
packages = []

# Loopback port of the blue slot.
port_blue = 8001

# Loopback port of the green slot.
port_green = 8002

# Shell command (or a list) that migrates the database; "auto": `alembic upgrade head` when the release has an
# alembic.ini; None: no migration.
migrate_command = "auto"

# How long a migration may take, its lock included.
migrate_timeout_seconds = 300

# Path that answers when the application can serve.
health_path = "/health"

# Status that the health path answers with.
health_status = 200

# How long a new release may take to become healthy.
health_timeout_seconds = 60

# Good answers in a row that count as healthy.
health_successes = 2

# How long the old slot may finish its requests after the switch.
drain_timeout_seconds = 30

# How long the application may take to stop when told to.
stop_timeout_seconds = 30

# Releases kept on the host, the live one included.
keep_releases = 5

# Name that the application is served under.
# domain = (no default)

# Further names: on the certificate, and redirected to `domain`.
domain_aliases = []

# Largest request body that the proxy takes.
client_max_body_megabytes = 10

# How long the proxy waits between two reads from the application.
proxy_read_timeout_seconds = 60

# max-age of Strict-Transport-Security (two years, as the preload list asks); 0: none.
hsts_seconds = 63072000

# Address that the certificate authority writes to.
acme_email = None

# ACME directory of the certificate authority; its TLS is checked against the host's trust store.
acme_directory_url = "https://acme-v02.api.letsencrypt.org/directory"

# How long to wait for another apt (unattended upgrades on a fresh cloud machine).
apt_lock_timeout_seconds = 300

# Free space on the host's disk below which nothing is begun.
minimum_free_megabytes = 1024
