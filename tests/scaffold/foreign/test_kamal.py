"""What Kamal's config/deploy.yml proposes."""

from __future__ import annotations

from homeport.scaffold.from_others import FromOthers

from .given import foreign

USUAL = """service: shop
image: me/shop
servers:
  web:
    hosts:
      - 192.0.2.1
      - <%= ENV["HOST"] %>
    cmd: sh -c "uvicorn app.main:app --workers 2"
  job:
    hosts: [192.0.2.1]
    cmd: celery -A app.work worker
proxy:
  ssl: true
  hosts: [shop.example.com, www.shop.example.com]
  app_port: 8000
  response_timeout: 120
  buffering:
    max_request_body: 41943040
  healthcheck:
    path: /healthz
registry:
  username: me
  password: [KAMAL_REGISTRY_PASSWORD]
env:
  clear:
    STAGE: production
    REDIS_URL: redis://shop-redis:6379/0
    SIGNING_KEY: not-so-secret
  secret:
    - DATABASE_URL
    - TOKEN:SHOP_TOKEN
volumes: ["/data:/app/data"]
accessories:
  redis: {image: "redis:7", host: 192.0.2.1}
asset_path: /app/public
retain_containers: 3
drain_timeout: 20
surprise: 1
"""


def test_kamals_file_proposes_what_it_says() -> None:
    found = foreign({"config/deploy.yml": USUAL})
    assert {one.name: one.value for one in found.settings} == {
        "server": "uvicorn",
        "app_entrypoint": "app.main:app",
        "workers": 2,
        "domain": "shop.example.com",
        "domain_aliases": ["www.shop.example.com"],
        "health_path": "/healthz",
        "proxy_read_timeout_seconds": 120,
        "client_max_body_megabytes": 40,
        "keep_releases": 3,
        "drain_timeout_seconds": 20,
        "processes": {"job": "celery -A app.work worker"},
        "environment": {"STAGE": "production"},
    }
    assert found.names == ("shop",)
    assert found.variables == ("REDIS_URL", "SIGNING_KEY", "DATABASE_URL", "TOKEN")
    assert "not-so-secret" not in repr(found)


def test_what_it_does_not_take_is_listed_with_its_line() -> None:
    found = foreign({"config/deploy.yml": USUAL, "config/deploy.staging.yml": "servers: []\n"})
    assert found.notes == (
        "config/deploy.staging.yml: not taken: it is for another destination of Kamal: a group_data file of its own",
        "config/deploy.yml:6: 192.0.2.1, (ERB): not taken as machines, since kamal-proxy has ports 80 and 443 there; "
        "--host names new ones",
        "config/deploy.yml:27: REDIS_URL names the container shop-redis: set it to where that is for the new machine",
        "config/deploy.yml:32: what is kept in /app/data belongs into state_paths, or into $STATE_DIRECTORY",
        "config/deploy.yml:34: the accessory redis (redis:7) is not taken: a package of the machine (packages), or "
        "another machine",
        "config/deploy.yml:35: asset_path is not taken: old assets are not kept for old pages",
        "config/deploy.yml:38: surprise is not taken: no setting has it",
    )


def test_a_domain_that_no_certificate_can_be_for_is_not_taken() -> None:
    found = foreign({"config/deploy.yml": "service: shop\nservers: [192.0.2.1]\nproxy: {host: <%= HOST %>}\n"})
    assert found.get("domain") is None
    assert "config/deploy.yml:3: the name is made by ERB, which is not evaluated: domain says it" in found.notes
    found = foreign({"config/deploy.yml": "service: shop\nservers: [192.0.2.1]\nproxy: {host: intern}\n"})
    assert found.get("domain") is None
    assert "config/deploy.yml:3: intern is no domain that a certificate can be for: domain says it" in found.notes


def test_another_deploy_yml_is_not_kamals() -> None:
    found = foreign({"config/deploy.yml": "on: push\njobs: {}\n"})
    assert found.notes == ("config/deploy.yml: not read: it is no configuration of Kamal",)


def test_what_kamal_itself_needs_to_know_is_no_variable_of_the_application() -> None:
    shared = USUAL.replace("    - DATABASE_URL", "    - DATABASE_URL\n    - BUILD_TOKEN")
    found = foreign({"config/deploy.yml": f"{shared}builder: {{arch: amd64, secrets: [BUILD_TOKEN, GIT_TOKEN]}}\n"})
    assert found.tools == {"KAMAL_REGISTRY_PASSWORD", "GIT_TOKEN"}
    assert "BUILD_TOKEN" in found.variables
    assert FromOthers(found).without_known(("GIT_TOKEN", "OTHER"))[0] == "OTHER"
