"""The claims of docs/security.md about what clients, and those who have no key, can do; about supply and logs. See `claims`."""

from __future__ import annotations

from tests.attack.claims import Claim

GUARD = {
    "exact": Claim(
        "Nothing comes to vLLM but the exact methods and paths of the task with a client's key, in whatever shape it is asked.",
        (
            "guard/test_hostile.py::test_hostile_request_is_answered_and_goes_no_further",
            "e2e/test_hostile.py::test_through_the_ingress",
            "e2e/test_hostile.py::test_from_another_pod",
        ),
    ),
    "headers": Claim(
        "Of a request the listed headers reach vLLM, none of which it obeys; a request's id is cut to safe characters.",
        (
            "guard/test_passed_on.py::test_the_engine_gets_the_headers_that_are_listed_and_no_others",
            "guard/test_passed_on.py::test_a_request_id_is_short_and_safe",
        ),
    ),
    "answers": Claim(
        "Of an answer the listed headers reach the caller, and a browser runs no script of it and remembers nothing.",
        (
            "guard/test_foreign.py::test_an_answer_is_sandboxed_and_leaves_nothing_behind",
            "guard/test_foreign.py::test_a_browser_runs_nothing_of_an_engine",
        ),
    ),
    "wrong-key": Claim(
        "A wrong key costs the same with one client and with the most that a model may have, whatever is asked for with it.",
        (
            "guard/test_looked_up.py::test_a_wrong_key_costs_the_same_with_one_client_and_with_the_most",
            "guard/test_looked_up.py::test_a_key_that_begins_and_ends_as_others_do_is_still_none",
        ),
    ),
    "keyless-cost": Claim(
        "A request without a key costs little, however it is encoded, and waits for no body.",
        (
            "guard/test_keyless.py::test_a_request_without_a_key_costs_a_third_of_a_millisecond_at_most",
            "guard/test_keyless_cost.py::test_what_is_sent_without_a_key_costs_little_more_than_the_plainest",
            "guard/test_keyless.py::test_a_body_for_what_needs_none_is_not_waited_for",
            "guard/test_keyless.py::test_who_asks_whether_to_send_a_body_is_answered_first",
        ),
    ),
    "keyless-limit": Claim(
        "Requests without a key have a limit of their own, by which nobody with a key is held up.",
        ("guard/test_keyless.py::test_each_kind_of_request_without_a_key_has_a_limit_of_its_own",),
    ),
    "health": Claim(
        "Whoever asks for `/health`, and how often: vLLM is asked a few times a second.",
        (
            "guard/test_passed_on.py::test_callers_who_ask_for_health_do_not_each_reach_the_engine",
            "guard/test_passed_on.py::test_callers_do_not_queue_at_an_engine_that_is_slow_to_say_how_it_is",
        ),
    ),
    "silent": Claim(
        "Whoever sends nothing, or half a request, is soon gone; keeps nobody out, fills no memory, cuts no stream, and "
        "refills no bucket. With a key one may hold back so many bodies as is told below, for as long as is told there.",
        (
            "guard/test_floods.py::test_who_sends_nothing_or_half_is_soon_gone_and_keeps_nobody_out",
            "guard/test_floods.py::test_who_has_a_key_holds_back_so_many_bodies_and_no_more",
        ),
    ),
    "unread": Claim(
        "Answers that nobody reads do not fill a guard's memory.",
        ("guard/test_floods.py::test_answers_that_nobody_reads_do_not_fill_the_memory",),
    ),
    "streams": Claim(
        "A thousand streams are held at once.",
        ("guard/test_floods.py::test_a_thousand_streams_are_held",),
    ),
    "places": Claim(
        "The number of connections does not leak, and a guard that is short of memory finishes what it has.",
        (
            "guard/test_floods.py::test_the_number_of_connections_does_not_leak",
            "guard/test_floods.py::test_a_guard_short_of_memory_takes_no_more_and_finishes_what_it_has",
        ),
    ),
    "size": Claim(
        "A body that is too long is refused before it is read, or as soon as it is too long where it is sent in chunks. Where "
        "the guard's Envoy cannot count chunks, it takes few of them.",
        (
            "guard/test_sizes.py::test_a_body_that_is_told_to_be_too_long_is_refused_before_it_is_sent",
            "guard/test_sizes.py::test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_long",
            "guard/test_sizes.py::test_where_nothing_counts_a_body_it_may_be_short_or_tell_its_length",
        ),
    ),
    "fails-closed": Claim(
        "An error in the guard's own script is a 500 for whomever it concerns: nothing of theirs reaches vLLM. One in what is "
        "done to answers lets nobody in, and none of the listed headers out that do harm.",
        (
            "guard/test_keyless.py::test_an_error_of_the_script_lets_nobody_in",
            "guard/test_keyless.py::test_an_error_in_what_tells_of_health_or_of_expiry_lets_nobody_in",
            "guard/test_keyless.py::test_an_error_in_what_is_done_to_answers_lets_nobody_in_and_none_of_the_headers_out_that_do_harm",
        ),
    ),
    "ports": Claim(
        "No process of the engine's container takes a port of the guard while the guard listens.",
        (
            "guard/test_ports.py::test_no_other_process_can_listen_on_a_port_of_the_guard",
            "guard/test_ports.py::test_guard_whose_port_is_taken_ends_and_does_not_serve_beside_the_other",
            "e2e/test_guarded.py::test_a_process_beside_the_engine_cannot_listen_on_the_guards_ports",
        ),
    ),
    "private": Claim(
        "Whoever reaches port 8002 reads probes and metrics alone, with no key in them, and keeps the kubelet's probes off "
        "only as is told below.",
        (
            "guard/test_private.py::test_private_port_only_reads",
            "guard/test_private.py::test_stats_hold_what_an_operator_needs_and_no_key",
            "guard/test_private_floods.py::test_connections_that_ask_nothing_leave_probes_their_place_and_are_gone_in_seconds",
            "guard/test_private_floods.py::test_who_asks_whether_the_engine_is_ready_does_not_keep_it_busy",
        ),
    ),
    "restarts": Claim(
        "Waiting requests restart no server that moves on, and questions at port 8002 only where there are as many as is told "
        "below.",
        (
            "guard/test_watch.py::test_a_server_too_busy_for_its_metrics_is_not_stalled",
            "e2e/test_stalls.py::test_a_server_that_hangs_is_restarted_and_its_saturated_neighbour_is_not",
        ),
    ),
    "plain-http": Claim(
        "Where an Ingress has a certificate, the edge's port 80 answers no request of a model. A Gateway's listeners without TLS "
        "carry none, where one with TLS is sure to take it; else Exposed names them.",
        (
            "e2e/test_plain_http.py::test_port_80_answers_nothing_of_a_model_with_a_certificate",
            "unit/children/test_exposure.py::test_a_host_with_a_certificate_is_not_served_over_plain_http",
            "unit/children/test_listeners.py::test_no_listener_without_tls_carries_a_host_that_one_with_tls_takes",
            "unit/children/test_listeners.py::test_what_is_not_certain_is_left_as_it_is_and_said",
            "integration/test_gateway.py::test_a_model_is_routed_and_says_what_its_gateway_says",
        ),
    ),
    "media": Claim(
        "An engine fetches no URL of a request, unless `engine.media.allowDomains` lists its host, and follows no redirect.",
        (
            "e2e/test_media.py::test_without_a_list_nobody_is_reached",
            "e2e/test_media.py::test_a_listed_host_is_reached_and_no_other_in_any_spelling",
        ),
    ),
    "one-request": Claim(
        "One request asks for no more answers to a prompt, and no more prompts, than it may.",
        (
            "e2e/test_served.py::test_one_request_asks_for_no_more_than_it_may",
            "unit/engine/test_options.py::test_what_one_request_may_ask_for_is_bounded_unless_the_spec_says_how",
        ),
    ),
    "policy": Claim(
        "The NetworkPolicy opens port 8000 to callers, and 8002 to the operator's and the monitoring namespaces, on the "
        "model's pods alone.",
        (
            "unit/children/test_network_policy.py::test_the_private_port_is_the_operators_and_monitorings_alone",
            "unit/children/test_network_policy.py::test_the_policy_is_on_the_models_pods_alone",
        ),
    ),
    "egress": Claim(
        "By its rules a model's pods reach the ports of name servers, at any address unless the chart says where these are, and "
        "what the spec shows that they need. A kernel holds packets to them in the test.",
        (
            "integration/test_egress.py::test_packets_of_servers_come_to_the_places_of_the_table_and_to_no_other",
            "integration/test_egress.py::test_packets_of_a_job_come_to_the_places_of_the_table_and_to_no_other",
        ),
    ),
}

SUPPLY = {
    "golang": Claim(
        "Go is fetched by its hash, and no setting of the caller's leaves a hash unchecked.",
        (
            "unit/dev/test_golang.py::test_go_itself_is_fetched_by_its_hash",
            "unit/dev/test_golang.py::test_no_setting_of_the_callers_leaves_a_hash_unchecked",
        ),
    ),
    "accept": Claim(
        "`make accept` fetches data of one commit.",
        ("unit/dev/test_accept.py::test_what_is_fetched_is_data_of_one_commit",),
    ),
    "set-uid": Claim(
        "No image has a file that makes who runs it another user.",
        ("integration/test_release.py::test_no_file_of_an_image_makes_who_runs_it_another_user",),
    ),
    "sbom": Claim(
        "`make release` lists what is in each image and in the chart.",
        ("integration/test_release.py::test_each_image_and_the_chart_have_a_list_of_what_is_in_them",),
    ),
    "signed": Claim(
        "A release is signed: image, chart, lists and sums. Another key, or another image under the tag, is told.",
        (
            "integration/test_release.py::test_who_has_another_key_takes_none_of_it",
            "integration/test_release.py::test_a_tag_that_was_moved_is_seen",
            "integration/test_release.py::test_the_signed_list_beside_an_image_is_that_of_what_is_in_it",
            "integration/test_release.py::test_the_sums_are_those_of_all_files_and_signed",
        ),
    ),
    "schemas": Claim(
        "What is rendered conforms to the API server's own schemas, and checkov finds nothing without a written reason.",
        (
            "integration/test_kubeconform.py::test_everything_that_is_rendered_conforms",
            "integration/test_checkov.py::test_nothing_is_found_but_what_has_its_reason",
        ),
    ),
    "versions": Claim(
        "EngineCurrent names the published weaknesses that the tag of the serving image tells of.",
        ("unit/status/test_engine_version.py::test_what_an_engine_is_open_to_is_told_by_name",),
    ),
}

LOGS = {
    "access-log": Claim(
        "The guard logs no body, no query, no header but the request's id, and no key however it was sent.",
        (
            "guard/test_private.py::test_log_tells_who_and_what_and_never_a_key_or_a_prompt",
            "guard/test_private.py::test_log_shows_no_key_however_it_was_sent",
        ),
    ),
    "last-words": Claim(
        "What vLLM, a kubelet or a registry says reaches a status without what looks like a key; of a server that has served, "
        "without words of a client.",
        (
            "unit/engine/test_redaction.py::test_no_key_is_told",
            "unit/engine/test_log_lines.py::test_a_log_of_a_server_that_served_never_tells_a_prompt",
        ),
    ),
    "terminal": Claim(
        "No terminal obeys what somebody wrote into a status.",
        ("integration/test_plugin_cluster.py::test_no_terminal_obeys_what_somebody_wrote_into_a_status",),
    ),
}
