"""What is promised where, and which test shows it: the source of the tables of docs/choosing.md.

A promise counts as kept only by tests that assert it on the real thing; `tests/test_promises.py` sees to it that they
are there and run somewhere. What no test shows is untested, with the reason; what is not kept has its figure.
Tests are named as `FILE::TEST` below tests/lab, or `FOLDER/FILE::TEST` below tests, without `test_`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """These tests show it; `how` says what they do not show, or in which way it is kept."""

    tests: tuple[str, ...]
    how: str = ""


@dataclass(frozen=True)
class NotKept:
    """What happens instead, with its figure, and the tests that have seen it, if any have."""

    figure: str
    tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Untested:
    """No test shows it, for this reason."""

    reason: str


@dataclass(frozen=True)
class Elsewhere:
    """It is not its concern, but that of `whom`."""

    whom: str


Cell = Kept | NotKept | Untested | Elsewhere
REBOOT = "runs after a reboot and a power cut"
CRASH = "a crash: started again"
LOOP = "a crash loop ends, and is told"
NUMBER = "N workers or replicas"
MEMORY = "the memory limit holds"
STEPS = "steps before the start: once, or each time"
HTTPS = "HTTPS obtained and renewed"
STOP = "graceful stop, with the lifespan's end"
GATE = "health gate: a broken release does not go live"
LOSS = "no request lost in a release"
BACK = "the way back to an older release"
STATE = "state kept over releases"
PAGES = "`/docs`, `/redoc`, `/openapi.json` load, below a prefix too"
PROMISES = (REBOOT, CRASH, LOOP, NUMBER, MEMORY, STEPS, HTTPS, STOP, GATE, LOSS, BACK, STATE, PAGES)

Column = Mapping[str, Cell]


def kept(*tests: str, how: str = "") -> Kept:
    """Return the cell of a promise that these tests show."""
    return Kept(tests, how)


def everywhere(cell: Cell) -> Column:
    """Return a column that has the same cell everywhere."""
    return dict.fromkeys(PROMISES, cell)


GUIDE = (
    "fastapi_guide::the_pages_about_the_api_and_its_description_are_served",
    "fastapi_guide::under_a_prefix_they_are_served_too_and_ask_there",
)
BOOTS = (
    "deploy::a_rebooted_machine_serves_without_help",
    "power_cut::the_boot_after_a_power_cut_serves_one_release_and_the_next_run_finishes_the_other",
)
SYSTEMD: Column = {
    REBOOT: kept(*BOOTS),
    CRASH: kept("deploy::a_killed_worker_and_a_killed_manager_come_back"),
    LOOP: kept(
        "deploy::a_crash_loop_slows_down_and_ends_without_a_hand_once_it_can",
        "boot::an_application_that_dies_again_and_again_without_its_database_is_back_as_well",
        how="tried with pauses, until it can; `doctor` and `status` tell",
    ),
    NUMBER: kept(
        "deploy::fastapi_run_serves_with_workers_as_a_user_without_rights",
        "cli_run::scale_changes_the_workers_of_the_live_code_and_writes_the_number_down",
    ),
    MEMORY: kept("memory::a_worker_that_leaks_to_its_limit_is_killed_and_replaced_and_harms_nobody"),
    STEPS: kept(
        "deploy::the_migration_ran_once_and_before_the_application",
        "host_program::a_killed_server_comes_back_without_migrating_again",
        "processes::before_start_runs_before_each_start",
        how="migration once a release and boot, `before_start` each time",
    ),
    HTTPS: Elsewhere("the proxy"),
    STOP: kept(
        "fastapi_guide::each_worker_of_the_old_release_ends_its_lifespan_after_a_switch",
        "fastapi_guide::each_worker_ends_its_lifespan_when_the_slot_is_stopped",
        "fastapi_guide::each_worker_ends_its_lifespan_at_a_reboot",
    ),
    GATE: kept("deploy::a_release_that_is_broken_leaves_the_old_one_serving"),
    LOSS: kept("zero_loss::releases_lose_no_request"),
    BACK: kept(
        "rollback::with_the_registries_cut_off_all_of_the_release_is_back_as_it_was",
        "zero_loss::rollbacks_lose_no_request",
    ),
    STATE: kept("state_paths::what_an_application_writes_beside_its_code_is_named_and_then_kept_over_releases"),
    PAGES: kept(*GUIDE),
}
FIRST_SUPERVISED = "supervisor::a_first_deploy_is_run_by_supervisord_and_by_no_unit"
SUPERVISED_RELEASE = "supervisor::a_release_under_load_loses_no_request_and_the_old_one_ends_well"
MANAGER_KILLED = "supervisor::a_manager_that_is_killed_is_started_again_without_a_migration"
SUPERVISOR: Column = {
    REBOOT: kept("supervisor::after_a_power_cut_only_the_live_slot_runs"),
    CRASH: kept(
        "supervisor::a_worker_that_is_killed_is_replaced_by_its_manager",
        MANAGER_KILLED,
        "supervisor::a_supervisord_that_is_killed_comes_back_and_takes_over",
        how="a killed supervisord too, by systemd",
    ),
    LOOP: kept(
        "supervisor::a_crash_loop_ends_and_status_and_doctor_tell_it",
        how="by a rule of homeport's own; tried with pauses, until it can",
    ),
    NUMBER: kept(FIRST_SUPERVISED),
    MEMORY: kept(
        "supervisor::a_worker_that_reaches_the_memory_limit_is_killed_and_replaced", how="by a scope of systemd's"
    ),
    STEPS: kept(
        FIRST_SUPERVISED,
        MANAGER_KILLED,
        "supervisor::a_failing_migration_leaves_the_old_release_serving",
        how="migration once a release and boot, `before_start` each time",
    ),
    HTTPS: Elsewhere("the proxy"),
    STOP: kept(SUPERVISED_RELEASE),
    GATE: kept("supervisor::a_release_that_dies_as_it_starts_is_never_live_and_its_cause_is_told"),
    LOSS: kept(SUPERVISED_RELEASE, "supervisor::releases_lose_no_request"),
    BACK: kept("supervisor::a_rollback_goes_back_and_migrates_nothing"),
    STATE: kept(SUPERVISED_RELEASE),
    PAGES: kept(FIRST_SUPERVISED, SUPERVISED_RELEASE),
}

# The image is the same on all grounds, and so is its first program.
IMAGE_STOPS = "export_container::it_serves_as_nobody_with_nothing_to_write_but_its_state_and_ends_with_lifespans_end"
SCRIPT = "export_container::the_exported_script_runs_it_closed_up_migrates_once_and_stops_it"
TAGS = "export_container::another_tag_is_a_release_and_the_way_back_and_the_scripts_container_is_limited"
WORKERS = "export_container::a_container_has_as_many_workers_as_it_is_told"
OWN_PROXY = Elsewhere("the machine's proxy")
A_NUMBER = "where `memory_max_megabytes` is a number"
DOCKER_UNIT = "exports/docker::the_unit_starts_at_boot_and_always_again_and_waits_for_health"
QUADLET_UNIT = "exports/quadlet::the_server_is_on_loopback_waits_for_the_migration_and_for_health_and_starts_at_boot"
NO_END = "started again every 2 s without end; `systemctl status` tells"
DOCKER: Column = {
    REBOOT: kept("export_docker::after_a_boot_it_serves_with_its_state_and_has_migrated_once"),
    CRASH: kept("export_docker::a_killed_server_is_started_again_without_another_migration"),
    LOOP: NotKept(NO_END, (DOCKER_UNIT,)),
    NUMBER: kept(WORKERS, how="workers of one container"),
    MEMORY: kept(TAGS, how=A_NUMBER),
    STEPS: kept(SCRIPT, TAGS, how="migration once an image and boot, `before_start` each time"),
    HTTPS: OWN_PROXY,
    STOP: kept(IMAGE_STOPS, SCRIPT),
    GATE: NotKept("`install.sh` waits and tells; the old release has ended by then"),
    LOSS: NotKept(
        "the old container ends first: nobody is answered until the new one is healthy, 5.6 to 6.1 s here", (TAGS,)
    ),
    BACK: kept(TAGS, how="the older tag; nobody is answered meanwhile"),
    STATE: kept(
        "export_container::a_change_of_the_code_reuses_the_dependencies_and_state_outlives_the_release",
        TAGS,
    ),
    PAGES: kept(TAGS),
}
NOT_RUN = Untested("no container was run: this kernel lacks control groups of version 2, which Quadlet needs")
QUADLET: Column = {
    **everywhere(NOT_RUN),
    LOOP: NotKept(NO_END, (QUADLET_UNIT,)),
    HTTPS: OWN_PROXY,
    LOSS: NotKept("the old container ends first, as with Docker"),
}
NOT_STARTING = (
    "export_compose::a_release_that_does_not_start_is_started_again_and_again_until_an_older_one_takes_its_place"
)
COMPOSE: Column = {
    REBOOT: kept(
        "export_compose::after_a_power_cut_it_serves_again_with_its_state",
        how="the engine and all containers killed, the engine started; no machine was booted",
    ),
    CRASH: kept("export_compose::a_server_that_dies_is_started_again_and_its_memory_is_limited"),
    LOOP: NotKept(
        "started again without end, with pauses up to a minute; `docker compose ps` tells",
        (NOT_STARTING,),
    ),
    NUMBER: kept(WORKERS, how="workers of one container"),
    MEMORY: kept("export_compose::a_server_that_dies_is_started_again_and_its_memory_is_limited", how=A_NUMBER),
    STEPS: kept(
        "export_compose::the_application_answers_over_https_after_one_migration",
        "export_compose::a_release_keeps_the_state_and_a_migration_that_fails_leaves_the_old_one_serving",
        "export_compose::a_server_that_dies_is_started_again_and_its_memory_is_limited",
        "export_compose::releases_by_the_script_lose_no_request_and_migrate_once",
        how="migration once a release, `before_start` each time",
    ),
    HTTPS: kept(
        "export_compose::the_application_answers_over_https_after_one_migration",
        "export_compose::the_certificate_is_renewed_when_its_authority_says_so",
    ),
    STOP: kept("export_compose::a_stop_lets_the_lifespan_end"),
    GATE: kept(
        "export_compose::what_does_not_start_or_cannot_migrate_does_not_go_live_by_the_script",
        how="by `release.sh`; by `up` alone it is live",
    ),
    LOSS: kept(
        "export_compose::releases_by_the_script_lose_no_request_and_migrate_once",
        "export_compose::a_release_that_was_cut_off_serves_after_a_power_cut_too_and_the_next_one_ends_it",
        how="by `release.sh`; by `up` alone 22 of 226 and 24 of 620 got 502",
    ),
    BACK: kept("export_compose::the_way_back_by_the_script_does_not_migrate", NOT_STARTING),
    STATE: kept("export_compose::a_release_keeps_the_state_and_a_migration_that_fails_leaves_the_old_one_serving"),
    PAGES: kept("export_compose::the_pages_about_the_api_load_under_a_prefix_too"),
}
SWARM: Column = {
    REBOOT: kept(
        "export_swarm::after_a_power_cut_it_serves_the_same_release_with_its_state",
        how="the engine and all containers killed, the engine started; no machine was booted",
    ),
    CRASH: kept("export_swarm::a_server_that_is_killed_is_replaced", how="after 2 s"),
    LOOP: NotKept("started again every 2 s without end; `docker service ps` tells"),
    NUMBER: kept(
        "export_swarm::replicas_are_replaced_one_after_the_other_and_no_request_is_lost", how="two replicas, one node"
    ),
    MEMORY: kept("export_swarm::its_memory_is_limited", how=A_NUMBER),
    STEPS: kept(
        "export_swarm::a_first_release_answers_over_https_after_one_migration",
        "export_swarm::a_migration_that_fails_stops_the_release",
        "export_swarm::a_server_that_is_killed_is_replaced",
        how="migration once a release, `before_start` each time",
    ),
    HTTPS: kept(
        "export_swarm::a_first_release_answers_over_https_after_one_migration",
        "export_swarm::the_certificate_is_renewed_and_no_request_is_lost",
    ),
    STOP: kept("export_swarm::a_release_under_load_loses_no_request_and_keeps_the_state"),
    GATE: kept("export_swarm::a_release_that_does_not_start_is_taken_back_and_loses_no_request"),
    LOSS: kept(
        "export_swarm::a_release_under_load_loses_no_request_and_keeps_the_state",
        "export_swarm::replicas_are_replaced_one_after_the_other_and_no_request_is_lost",
        how="one node",
    ),
    BACK: kept("export_swarm::another_value_of_a_secret_is_an_update_and_an_older_image_the_way_back"),
    STATE: kept("export_swarm::a_release_under_load_loses_no_request_and_keeps_the_state"),
    PAGES: kept("export_swarm::the_pages_about_the_api_load_under_a_prefix_too"),
}
CLUSTER = "of 1.20, two nodes"
KUBERNETES: Column = {
    REBOOT: Untested("the cluster's own; no node of the tests is booted"),
    CRASH: kept("export_kubernetes::a_server_that_is_killed_is_started_again"),
    LOOP: NotKept("started again without end, with pauses up to five minutes (Kubernetes' documentation)"),
    NUMBER: kept(
        "export_kubernetes::replicas_are_on_both_nodes_and_a_release_of_them_loses_no_request",
        "export_kubernetes::a_drained_node_loses_no_request",
        how="a drained node loses none",
    ),
    MEMORY: kept("export_kubernetes::what_takes_more_memory_than_the_limit_is_killed", how=A_NUMBER),
    STEPS: kept(
        "export_kubernetes::a_first_release_answers_over_https_after_one_migration",
        "export_kubernetes::a_migration_that_fails_stops_the_release",
        how="migration once a release",
    ),
    HTTPS: Untested(
        "from a Secret, by Traefik, it is served; cert-manager's objects were held against their schemas alone"
    ),
    STOP: Untested("no request is lost when a pod ends; no test looks for the lifespan's end on a cluster"),
    GATE: kept("export_kubernetes::a_release_that_does_not_start_is_taken_back_and_loses_no_request"),
    LOSS: kept(
        "export_kubernetes::a_release_under_load_loses_no_request_and_keeps_the_state",
        "export_kubernetes::replicas_are_on_both_nodes_and_a_release_of_them_loses_no_request",
        how=CLUSTER,
    ),
    BACK: kept("export_kubernetes::an_older_image_is_the_way_back"),
    STATE: kept("export_kubernetes::a_release_under_load_loses_no_request_and_keeps_the_state"),
    PAGES: Untested("no test asks for them on a cluster"),
}

ON_GROUND = Elsewhere("the ground")
# What a proxy has no say in.
NO_SAY: Column = dict.fromkeys((NUMBER, MEMORY, STEPS, STATE), ON_GROUND)
NGINX: Column = {
    REBOOT: kept(*BOOTS),
    CRASH: kept("host_proxy::a_killed_nginx_comes_back"),
    LOOP: Untested("nothing makes Nginx end again and again; one that is down is named by `doctor`"),
    **NO_SAY,
    HTTPS: kept(
        "deploy::a_bare_machine_serves_the_application_over_https",
        "deploy::a_renewed_certificate_is_served_with_no_hand_laid_on_the_proxy",
        "short_certificates::it_is_renewed_in_time_though_the_authority_is_away_for_a_third_of_its_life",
    ),
    STOP: kept(
        "zero_loss::reloads_of_the_proxy_lose_no_request_of_clients_that_ask_every_second", how="a reload cuts nobody"
    ),
    GATE: kept(
        "deploy::a_release_that_is_broken_leaves_the_old_one_serving",
        "files::a_configuration_that_nginx_does_not_accept_replaces_nothing",
    ),
    LOSS: kept("zero_loss::releases_lose_no_request"),
    BACK: kept("zero_loss::rollbacks_lose_no_request"),
    PAGES: kept(*GUIDE),
}
# What tests/lab/test_other_proxies.py shows of each.
OTHER_PROXY: Column = {
    REBOOT: kept("other_proxies::a_rebooted_machine_serves_the_same_release"),
    CRASH: kept("other_proxies::a_killed_proxy_comes_back"),
    **NO_SAY,
    HTTPS: kept(
        "other_proxies::a_first_deploy_serves_and_a_second_one_changes_nothing",
        "other_proxies::a_renewal_is_served_and_loses_no_request",
    ),
    STOP: kept("other_proxies::a_reload_cuts_no_request_of_clients_that_ask_every_second", how="a reload cuts nobody"),
    GATE: kept(
        "other_proxies::a_broken_release_leaves_the_old_one_serving",
        "other_proxies::a_bad_site_is_refused_and_what_serves_goes_on",
    ),
    LOSS: kept(
        "other_proxies::releases_lose_no_request", "other_proxies::a_release_with_another_site_loses_no_request"
    ),
    BACK: kept("other_proxies::a_rollback_goes_back_and_loses_no_request"),
    PAGES: kept("other_proxies::the_pages_about_the_api_load_under_a_prefix_too"),
}
NO_LOOP = "nothing makes {} end again and again; one that is down is named by `doctor`"
HAPROXY: Column = {**OTHER_PROXY, LOOP: Untested(NO_LOOP.format("HAProxy"))}
CADDY: Column = {
    **OTHER_PROXY,
    LOOP: Untested(NO_LOOP.format("Caddy")),
    STOP: kept(
        "other_proxies::a_reload_cuts_no_request_of_clients_that_ask_every_second",
        how="a reload cuts no request; it ends WebSockets, and an upgrade of its package refuses for a second",
    ),
}
TRAEFIK: Column = {
    **OTHER_PROXY,
    LOOP: Untested(NO_LOOP.format("Traefik")),
    STOP: kept(
        "other_proxies::a_reload_cuts_no_request_of_clients_that_ask_every_second",
        how="a reload cuts nobody; an upgrade of Traefik is a restart, which does",
    ),
}

# What a server has no say in.
BY_GROUND: Column = dict.fromkeys((REBOOT, LOOP, MEMORY, STEPS, BACK, STATE), ON_GROUND) | {
    HTTPS: Elsewhere("the proxy")
}
FASTAPI: Column = {
    **BY_GROUND,
    CRASH: kept("deploy::a_killed_worker_and_a_killed_manager_come_back"),
    NUMBER: kept("deploy::fastapi_run_serves_with_workers_as_a_user_without_rights"),
    STOP: kept("fastapi_guide::each_worker_of_the_old_release_ends_its_lifespan_after_a_switch"),
    GATE: kept(
        "deploy::a_release_that_is_broken_leaves_the_old_one_serving",
        "workers::a_release_some_of_whose_workers_die_is_never_live",
    ),
    LOSS: kept("zero_loss::releases_lose_no_request"),
    PAGES: kept(*GUIDE),
}


def server(name: str, crash: str = "") -> Column:
    """Return the column of a server that the shared suite runs (tests/lab/test_servers.py)."""

    def case(*tests: str, how: str = "") -> Kept:
        return Kept(tuple(f"servers::{test}[{name}]" for test in tests), how)

    released = "a_release_under_load_loses_no_request_and_the_old_workers_end_well"
    return {
        **BY_GROUND,
        CRASH: case("a_worker_that_is_killed_is_replaced_and_counted", how=crash),
        NUMBER: case("a_first_deploy_is_live_with_all_of_its_workers"),
        STOP: case("each_worker_ends_its_lifespan_when_the_slot_is_stopped", released),
        GATE: case("a_release_whose_lifespan_fails_is_never_live", "a_release_some_of_whose_workers_die_is_never_live"),
        LOSS: case(released),
        PAGES: case("a_first_deploy_is_live_with_all_of_its_workers", released),
    }


TABLES: Mapping[str, Mapping[str, Column]] = {
    "The grounds": {
        "systemd": SYSTEMD,
        "Supervisor": SUPERVISOR,
        "Docker": DOCKER,
        "Quadlet": QUADLET,
        "Compose": COMPOSE,
        "Swarm": SWARM,
        "Kubernetes": KUBERNETES,
    },
    "The proxies, on machines of your own": {"Nginx": NGINX, "HAProxy": HAPROXY, "Caddy": CADDY, "Traefik": TRAEFIK},
    "The servers, on machines of your own": {
        "`fastapi run`": FASTAPI,
        "uvicorn": server("uvicorn"),
        "gunicorn": server("gunicorn"),
        "granian": server("granian"),
        "hypercorn": server("hypercorn", "the manager ends with it, and systemd starts all again"),
    },
}
