"""Every promise of SECURITY.md has tests, by name."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROOFS: dict[str, tuple[str, ...]] = {
    "No secret is written anywhere": (
        "security/test_secrets.py::test_a_session_without_a_screen_keeps_and_says_none",
        "security/test_secrets.py::test_a_session_on_the_screen_keeps_and_shows_none",
        "security/test_secrets.py::test_a_crash_of_the_screen_says_so_and_tells_none",
        "security/test_secrets.py::test_what_breaks_without_a_screen_says_so_and_tells_none",
        "engine/state/test_store.py::test_values_on_record_hold_no_field_for_a_secret",
    ),
    "A link that works without credentials": (
        "tui/test_links.py::test_how_long_a_link_works_is_chosen",
        "tui/test_links.py::test_on_the_real_server_a_link_opens_the_object_and_no_log_holds_it",
        "engine/s3/test_control.py::test_links_last_no_longer_than_s3_allows",
    ),
    "Images and code that are looked at": (
        "tui/test_apart.py::test_no_key_of_the_environment_is_known_there",
        "tui/test_apart.py::test_what_breaks_there_is_no_answer_here",
        "tui/test_apart.py::test_what_takes_too_long_is_ended",
        "tui/test_apart.py::test_looking_into_files_loads_neither_pillow_nor_pygments_here",
        "tui/test_preview_images.py::test_a_few_bytes_that_claim_to_be_a_giant_are_not_unpacked",
    ),
    "The log is bounded": (
        "tui/test_log.py::test_the_log_is_bounded_and_its_older_files_are_private_too",
        "tui/test_log.py::test_the_clients_libraries_never_tell_their_requests",
        "security/test_state_folder.py::test_a_log_that_somebody_planted_is_not_written_to",
    ),
    "The state folder is private": (
        "security/test_state_folder.py::test_folder_queue_and_log_are_their_owners_alone_whatever_the_umask",
        "security/test_state_folder.py::test_a_folder_that_others_could_reach_is_refused_and_nothing_is_written_into_it",
        "security/test_state_folder.py::test_somebody_elses_folder_is_refused",
    ),
    "What is read from it is not trusted": (
        "security/test_state_folder.py::test_a_planted_queue_sends_no_signed_request_elsewhere",
        "security/test_state_folder.py::test_a_planted_queue_cannot_accept_an_unencrypted_endpoint",
        "security/test_state_folder.py::test_a_planted_target_outside_its_folder_is_refused",
        "security/test_state_folder.py::test_a_planted_debt_unlinks_nothing_that_is_no_part_file_of_ours",
        "security/test_state_folder.py::test_what_a_planted_queue_says_is_harmless_on_a_terminal",
    ),
    "Certificates are always checked": (
        "security/test_network.py::test_a_server_that_cannot_prove_who_it_is_gets_no_request_at_all",
        "security/test_network.py::test_with_the_ca_file_of_its_profile_it_is_trusted",
        "security/test_promises.py::test_there_is_no_switch_that_turns_off_the_checking_of_certificates",
    ),
    "Redirects are never followed": (
        "security/test_network.py::test_no_redirect_is_followed_by_anything",
        "engine/s3/test_control_odd.py::test_a_custom_endpoint_never_leads_to_aws",
    ),
    "An `http://` endpoint on another machine": (
        "security/test_plain_http.py::test_without_a_screen_it_is_refused_before_anything_is_sent",
        "security/test_plain_http.py::test_the_screen_asks_once_and_remembers_beside_the_settings_not_with_the_queue",
    ),
    "The machine's own role": (
        "security/test_network.py::test_the_metadata_service_is_asked_for_aws_only_and_last",
    ),
    "Proxies of the environment": (
        "security/test_network.py::test_the_proxy_of_the_environment_is_used_and_its_password_is_never_told",
        "engine/s3/wire/test_proxies.py::test_tls_goes_through_a_tunnel_and_checks_the_server",
    ),
    "Whatever a server answers costs bounded memory": (
        "engine/queue/test_faults_servers.py::test_documents_that_are_none_of_s3s_fail_the_item_and_nothing_else",
        "engine/queue/test_faults_servers.py::test_a_listing_without_end_is_given_up_with_the_count_so_far",
        "engine/s3/test_listing.py::test_a_reply_without_end_is_cut",
    ),
    "No key leads outside the folder": (
        "security/test_paths.py::test_every_key_below_a_prefix_is_there_inside_or_named",
        "security/test_paths.py::test_every_key_that_is_named_alone_lands_inside_or_is_refused",
        "security/test_paths.py::test_the_real_server_says_the_same_of_all_the_keys_that_it_takes",
        "security/test_paths.py::test_a_link_below_the_chosen_folder_is_not_followed_but_named",
        "security/test_paths.py::test_a_link_that_appears_between_looking_and_writing_is_not_written_through",
    ),
    "What is downloaded gets no rights": (
        "security/test_paths.py::test_what_is_downloaded_gets_no_rights_from_its_metadata",
    ),
    "Nothing from outside": (
        "security/test_terminal.py::test_panes_details_questions_queue_and_notices_send_only_text",
        "security/test_terminal.py::test_buckets_and_the_errors_of_listings_send_only_text",
        "security/test_terminal.py::test_commands_print_only_text",
        "security/test_safe_drawing.py::test_whatever_reaches_the_terminal_has_been_made_safe_or_looked_at",
        "security/test_safe_drawing.py::test_markup_is_never_parsed",
    ),
}


def promises() -> list[str]:
    """The sentences, one for each bullet."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## What is not promised")[0]
    return [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_every_promise_has_tests_and_every_test_is_there() -> None:
    for promise in promises():
        assert any(promise.startswith(beginning) for beginning in PROOFS), promise
    for beginning, proofs in PROOFS.items():
        assert any(promise.startswith(beginning) for promise in promises()), beginning
        for proof in proofs:
            path, _, name = proof.partition("::")
            assert name in names_in(path), proof


def test_there_is_no_switch_that_turns_off_the_checking_of_certificates() -> None:
    for folder in ("engine", "tui"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found = re.findall(
                r"CERT_NONE|_create_unverified|check_hostname\s*=|verify\s*=\s*False|insecure", text
            )
            assert not found, f"{path.name}: {found}"
