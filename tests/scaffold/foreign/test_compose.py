"""What a Compose file proposes: the application's service, and what the others are."""

from __future__ import annotations

from .given import foreign, proposed

DOCKERFILE = 'FROM python:3.13\nCMD ["fastapi", "run", "app/main.py", "--port", "80"]\n'
USUAL = """name: shop
x-common: &common
  restart: always
services:
  proxy:
    image: traefik:v3
  db:
    image: postgres:17
    volumes: [data:/var/lib/postgresql]
  backend:
    <<: *common
    build: .
    command: uvicorn app.main:app --workers 4
    depends_on:
      prestart:
        condition: service_completed_successfully
    environment:
      - DATABASE_HOST=db
      - DATABASE_PASSWORD=hunter2hunter2
      - STAGE=production
      - SENTRY_DSN
      - URL=${URL?Variable not set}
    env_file: [.env, secret.env]
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8000/api/health"]
    stop_grace_period: 1m30s
    volumes:
      - ./app:/code/app
      - uploads:/code/uploads
    deploy:
      resources: {limits: {memory: 512M}}
    shm_size: 1gb
    labels:
      - traefik.http.routers.shop.rule=Host(`shop.example.com`) || Host(`www.shop.example.com`)
  prestart:
    <<: *common
    build: .
    command: bash scripts/prestart.sh
  worker:
    build: .
    command: celery -A app.work worker
  admin:
    image: adminer
"""
FILES = {
    "compose.yaml": USUAL,
    "Dockerfile": DOCKERFILE,
    "scripts/prestart.sh": "set -e\nalembic upgrade head\npython app/first.py\n",
    "app/first.py": "",
    ".env": "TOKEN=abc\nSTAGE=dev\n",
    "compose.override.yaml": "services: {}\n",
}


def test_a_usual_compose_file_proposes_what_it_says() -> None:
    assert proposed(FILES) == {
        "server": "uvicorn",
        "app_entrypoint": "app.main:app",
        "health_path": "/api/health",
        "stop_timeout_seconds": 90,
        "memory_max_megabytes": 512,
        "domain": "shop.example.com",
        "domain_aliases": ["www.shop.example.com"],
        "python_version": "3.13",
        "workers": 4,
        "migrate_command": ["alembic upgrade head", "python app/first.py"],
        "processes": {"worker": "celery -A app.work worker"},
        "environment": {"STAGE": "production"},
    }


def test_what_it_does_not_take_is_listed_with_its_line() -> None:
    found = foreign(FILES)
    assert found.variables == ("DATABASE_HOST", "DATABASE_PASSWORD", "SENTRY_DSN", "URL", "TOKEN")
    assert found.notes == (
        "compose.override.yaml: not taken: it is for developing",
        "compose.yaml:5: the service proxy (traefik:v3) is not taken: homeport has its own proxy with HTTPS",
        'compose.yaml:7: the service db (postgres:17) is not taken: packages = ["postgresql"] installs one on the '
        "machine, or it runs elsewhere",
        "compose.yaml:18: DATABASE_HOST names the container db: set it to where that is for the new machine",
        "compose.yaml:23: env_file secret.env is not in git: what it sets is to be set again",
        "compose.yaml:29: what is kept in /code/uploads belongs into state_paths, or into $STATE_DIRECTORY",
        "compose.yaml:32: shm_size of the service backend has no setting",
        "compose.yaml:42: the service admin (adminer) is not taken: homeport runs the application alone",
    )
    assert "hunter2" not in repr(found)
    assert "abc" not in repr(found)


def test_a_command_that_reloads_code_says_what_is_served_and_not_how() -> None:
    text = "services:\n  web:\n    build: .\n    command: uvicorn app.main:app --reload --workers 2\n"
    found = proposed({"docker-compose.yml": text, "Dockerfile": DOCKERFILE})
    assert found["app_entrypoint"] == "app.main:app"
    assert "workers" not in found


def test_a_file_for_production_is_read_over_the_one_beside_it() -> None:
    base = "services:\n  web:\n    image: x\n    command: uvicorn app.main:app --workers 2\n"
    base += "    environment: {A: b, STAGE: dev}\n"
    over = "services:\n  web:\n    command: uvicorn app.main:app --workers 5\n    environment: {STAGE: prod}\n"
    found = foreign({"docker-compose.yml": base, "docker-compose.prod.yml": over})
    assert (found.get("workers"), found.get("environment")) == (5, {"A": "b", "STAGE": "prod"})
    assert [str(one.place) for one in found.settings if one.name == "workers"] == ["docker-compose.prod.yml:3"]
    assert found.notes == ()


def test_a_file_for_production_that_says_what_each_service_is_stands_alone() -> None:
    one = "services: {web: {image: x, command: uvicorn app.main:app --workers 2}}\n"
    found = foreign({"docker-compose.yml": one, "docker-compose.prod.yml": one.replace("2", "5")})
    assert found.get("workers") == 5
    assert found.notes == ("docker-compose.yml: not read: docker-compose.prod.yml stands alone",)


def test_several_servers_in_one_file_are_several_applications() -> None:
    text = """services:
  api: {build: ., command: "uvicorn app.main:app"}
  other: {image: other, command: "uvicorn other.main:app"}
"""
    found = foreign({"compose.yml": text, "Dockerfile": DOCKERFILE})
    assert found.get("app_entrypoint") == "app.main:app"
    assert found.notes == (
        "compose.yml:3: the service other (other) is not taken: it is another server (other.main): an application of "
        "its own",
    )


def test_a_service_that_is_built_and_starts_nothing_known_is_said_to_be_that() -> None:
    text = "services:\n  api:\n    build: .\n    command: [supervisord, -n]\n  docs:\n    image: mkdocs\n"
    assert foreign({"compose.yaml": text, "Dockerfile": "FROM python:3.12-slim\n"}).notes[:3] == (
        "compose.yaml: none of its services starts a server for FastAPI that is known",
        "compose.yaml:2: the service api is not taken: what it starts is no server for FastAPI that is known",
        "compose.yaml:5: the service docs (mkdocs) is not taken: homeport runs the application alone",
    )
