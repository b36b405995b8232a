"""What each run of `make test` shows on machines, by capability: its main path, and the worst that may happen to it.

The other tests on machines are drawn, those of a file together (see `tests/conftest.py`), so what is listed stands on
nothing in its file that is not. `tests/test_tiers.py` wants a listed test in every file but those of `SHOWN_ELSEWHERE`.
"""

from __future__ import annotations

import functools
from pathlib import PurePath

# For each capability the tests of its main path, and those of its worst fault, as FILE::TEST without `test_`.
ALWAYS: dict[str, tuple[str, ...]] = {
    "release": (
        "deploy::a_bare_machine_serves_the_application_over_https",
        "deploy::a_second_run_changes_nothing_and_restarts_nothing",
        "deploy::a_release_that_is_broken_leaves_the_old_one_serving",
        "kill::a_killed_release_leaves_one_release_serving_and_the_next_run_finishes_it",
    ),
    "switch": (
        "deploy::the_next_release_takes_the_other_slot_and_migrates_once",
        "zero_loss::releases_lose_no_request",
        "switching::a_power_cut_in_the_watch_is_made_good_by_the_next_run",
    ),
    "requests that wait": (
        "zero_loss::releases_that_replace_one_another_make_clients_wait_and_lose_no_request",
        "switching::a_request_waits_for_the_application_and_is_told_to_come_again_when_that_does_not_come",
    ),
    "rollback": (
        "rollback::with_the_registries_cut_off_all_of_the_release_is_back_as_it_was",
        "rollback::migrations_in_between_are_named_and_refused_without_a_yes",
        "zero_loss::rollbacks_lose_no_request",
    ),
    "migration": (
        "migrating_machine::the_first_machine_migrates_and_no_other_starts_before_it_is_healthy",
        "migrating_machine::when_the_migration_fails_nobody_else_starts",
        "hooks::hooks_are_told_what_happens",
        "hooks::a_hook_before_the_migration_that_fails_ends_the_deploy",
    ),
    "certificate": (
        "certificates::an_authority_takes_over_and_the_brought_key_is_gone",
        "certificates::a_certificate_that_is_brought_is_served_from_the_first_deploy_on",
        "certificates::a_pair_that_cannot_serve_the_site_is_refused_before_anything_changes",
        "deploy::an_authority_that_is_down_harms_nothing_and_the_next_run_mends_it",
        "tls::sslyze_finds_the_intermediate_profile",
    ),
    "renewal": (
        "deploy::a_renewed_certificate_is_served_with_no_hand_laid_on_the_proxy",
        "certificates::an_authority_that_says_when_to_renew_is_heard",
        "short_certificates::it_is_renewed_in_time_though_the_authority_is_away_for_a_third_of_its_life",
    ),
    "firewall": (
        "firewall::after_a_deploy_only_the_chosen_ports_are_open_over_ipv4_and_ipv6",
        "firewall::the_firewall_is_there_after_a_reboot",
        "firewall::rules_that_nftables_refuses_change_nothing",
    ),
    "ssh and lock-out": (
        "ssh::the_auditor_finds_faults_before_and_none_after",
        "ssh::keys_get_in_and_passwords_do_not",
        "lockout::a_machine_that_serves_takes_them_up_without_a_lost_request",
        "lockout::a_change_that_locks_out_is_taken_back_by_the_host_itself",
        "lockout::a_controller_that_is_killed_before_it_confirms_locks_nobody_out",
        "lockout::a_power_cut_before_the_confirmation_locks_nobody_out",
    ),
    "doctor": (
        "doctor::a_healthy_machine_is_told_to_be_well",
        "doctor::the_cause_is_named_and_nothing_else_is_blamed",
        "doctor::nothing_on_the_host_is_changed",
        "doctor_application::the_cause_is_named_and_nothing_else_is_blamed",
    ),
    "status": (
        "status::the_status_agrees_with_what_the_machine_says_itself",
        "status::a_host_that_cannot_be_reached_is_said_in_one_line_with_status_1",
    ),
    "secrets": (
        "secrets::secrets_reach_the_application_and_go_back_with_its_release",
        "secrets::nobody_else_saw_a_secret_while_the_runs_were_under_way",
        "secrets::another_applications_user_sees_nothing_of_this_one",
    ),
    "previews": (
        "preview::a_branch_answers_at_its_address_while_production_serves_on",
        "preview::its_process_reads_neither_productions_data_nor_its_secrets",
        "preview::after_down_a_scan_finds_nothing",
    ),
    "removal": (
        "remove::one_application_goes_with_all_that_it_has_and_the_other_loses_no_request",
        "remove::a_deploy_after_it_serves_again_and_finds_the_data",
        "remove::a_removal_that_was_killed_is_finished_by_the_next",
        "remove::with_the_last_application_homeport_leaves_and_what_was_there_before_is_back",
    ),
    "locks": (
        "locking::while_one_deploys_another_gets_4_or_waits_and_a_dry_run_does_not_care",
        "locking::when_the_first_is_killed_the_next_goes_on_with_no_unlocking",
    ),
    "interrupt": (
        "interrupt::an_interrupt_ends_with_130_the_site_serves_and_the_next_deploy_just_works",
        "kill::a_killed_release_leaves_one_release_serving_and_the_next_run_finishes_it",
    ),
    "commands": (
        "cli_deploy::a_deploy_shows_each_step_as_it_goes_and_ends_with_a_summary",
        "cli_deploy::a_bad_release_fails_with_its_cause_in_the_summary",
        "cli_run::a_run_command_has_the_applications_user_code_packages_and_variables",
        "cli_run::a_run_command_is_in_the_sandbox_of_the_application",
    ),
    "pipeline": (
        "pipeline::a_push_deploys",
        "pipeline::the_key_is_on_no_disk_and_no_agent_is_left",
        "pipeline::a_machine_with_another_host_key_is_not_talked_to",
    ),
    "init": ("init::a_package_with_a_lock",),
    "maintenance": (
        "maintenance::on_shows_every_visitor_the_page_and_the_health_path_answers",
        "maintenance::maintenance_lasts_over_a_deploy_with_a_custom_page_and_over_a_reboot",
    ),
    "upkeep": (
        "upkeep::a_machine_that_serves_takes_it_up_without_a_lost_request",
        "upkeep::a_machine_that_needs_a_reboot_serves_on_until_its_window",
    ),
    "sandbox": (
        "sandbox::the_sample_with_sqlite_fully_works_under_load",
        "sandbox::who_breaks_into_the_application_gets_no_further",
    ),
    "memory": (
        "memory::each_of_two_applications_is_limited_to_its_part_of_the_machine",
        "memory::a_worker_that_leaks_to_its_limit_is_killed_and_replaced_and_harms_nobody",
    ),
    "workers": (
        "workers::a_first_release_whose_workers_do_not_fit_is_refused_with_how_many_do_and_goes_live_with_those",
        "workers::a_release_some_of_whose_workers_die_is_never_live",
    ),
    "processes": (
        "processes::processes_and_timers_come_with_their_release",
        "processes::a_release_that_is_not_live_yet_has_no_processes",
        "processes::a_switch_ends_the_old_worker_and_begins_the_new_one",
        "processes::a_worker_that_dies_takes_its_release_back",
    ),
    "Nginx": (
        "files::a_configuration_that_nginx_does_not_accept_replaces_nothing",
        "zero_loss::reloads_of_the_proxy_lose_no_request_of_clients_that_ask_every_second",
        "proxy_attacks::a_request_with_two_ends_is_refused_and_smuggles_nothing",
    ),
    "other proxies": (
        "other_proxies::a_first_deploy_serves_and_a_second_one_changes_nothing",
        "other_proxies::releases_lose_no_request",
    ),
    "Supervisor": (
        "supervisor::a_first_deploy_is_run_by_supervisord_and_by_no_unit",
        "supervisor::a_manager_that_is_killed_is_started_again_without_a_migration",
        "supervisor::a_supervisord_that_is_killed_comes_back_and_takes_over",
    ),
    "routines": (
        "routines::a_routine_loses_no_request",
        "zero_loss::reloads_of_the_proxy_lose_no_request_of_clients_that_ask_every_second",
    ),
    "edges": (
        "edges::a_visitor_behind_the_cdn_is_who_the_cdn_says_and_nobody_else_is_believed",
        "edges::redirects_headers_limits_and_names_are_as_the_settings_say",
        "edges::limits_are_those_of_the_path_and_streams_come_piece_by_piece",
        "edges::a_closed_site_lets_in_who_has_address_and_password",
    ),
    "static files": (
        "static::no_file_is_lost_as_the_proxy_takes_them_over_from_the_application_and_gives_them_back",
        "static::a_page_of_an_older_release_gets_its_assets_after_two_more_and_after_a_rollback",
    ),
    "foreign machines": (
        "foreign_files::a_foreign_file_is_refused_by_name_and_stays",
        "foreign_files::a_replaced_foreign_file_is_kept_and_the_foreign_default_site_serves",
        "refusals::the_plan_names_an_obstacle_that_only_a_phase_would_meet",
    ),
    "full disk": (
        "disk_full::tools_that_find_no_place_are_not_left_half_installed",
        "files::a_disk_that_is_full_in_the_middle_of_the_files_replaces_nothing",
    ),
    "earlier versions": ("last_version::a_machine_of_an_earlier_version_is_taken_over_while_it_serves",),
    "exports": (
        "export_container::it_serves_as_nobody_with_nothing_to_write_but_its_state_and_ends_with_lifespans_end",
        "export_container::no_layer_and_no_line_of_the_history_has_a_secret_nor_what_is_not_the_applications",
    ),
    "lab": (
        "lab_nspawn::a_fresh_host_is_a_bare_machine_with_a_sudo_user",
        "lab_down::down_after_everything_was_killed_leaves_nothing",
    ),
    # All that a computer without machines in namespaces can show.
    "emulated machines": (
        "main_path::a_bare_machine_serves_the_application_over_https",
        "main_path::the_certificate_is_the_authoritys_and_the_one_on_the_disk",
        "main_path::a_second_run_changes_nothing_and_restarts_nothing",
        "main_path::the_next_release_takes_the_other_slot",
        "main_path::the_way_back_leads_to_the_release_before",
        "main_path::a_release_that_is_broken_leaves_the_old_one_serving",
        "main_path::a_rebooted_machine_serves_without_help",
    ),
    "documents, backup": (
        "runbook::an_entry_ends_the_trouble_that_it_is_about",
        "first_steps::a_page_for_beginners_leads_to_a_site_over_https",
    ),
}

# Files none of whose tests is listed, and the capability that shows the most of what they are about each time.
SHOWN_ELSEWHERE: dict[str, str] = {
    "boot": "release",
    "boot_postgresql": "release",
    "environment": "release",
    **dict.fromkeys(
        ("export_compose", "export_docker", "export_kubernetes", "export_push", "export_quadlet", "export_swarm"),
        "exports",
    ),
    "fastapi_guide": "switch",
    "host_keys": "ssh and lock-out",
    "host_program": "release",
    "host_proxy": "renewal",
    "lab_commands": "lab",
    "lab_docker": "lab",
    "lost_host": "interrupt",
    "machine_scope": "firewall",
    "openscap": "upkeep",
    "outbound": "release",
    "full_stack": "init",
    "own_package": "init",
    "package_upgrade": "upkeep",
    "power_cut": "switch",
    "proxy_change_killed": "other proxies",
    "rehearsal": "migration",
    "release_extras": "processes",
    "release_kinds": "init",
    "remove_machine": "removal",
    "report": "status",
    "servers": "workers",
    "shapes": "init",
    "soak": "switch",
    "state_paths": "release",
    "streams": "locks",
    "unusual_machine": "foreign machines",
    # Where there are machines in namespaces; where there are none, `emulated machines` are all that runs.
    "whole_machine": "lab",
}


@functools.cache
def _listed() -> frozenset[str]:
    return frozenset(name for tests in ALWAYS.values() for name in tests)


def is_listed(file: str, test: str) -> bool:
    """Tell whether a test, by its file and its name with or without parameters, runs each time."""
    name = test.partition("[")[0].removeprefix("test_")
    return f"{PurePath(file).stem.removeprefix('test_')}::{name}" in _listed()
