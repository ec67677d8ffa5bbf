"""What docs/security.md claims, by the page's sections, and the tests that hold each claim.

The page's tables are generated from here (`tests/reference/security.py`), so a claim stands there only with its tests, and
`tests/unit/docs/test_security.py` looks whether these exist. Knows no test's content: whoever adds a claim reads the test.
"""

from __future__ import annotations

from typing import NamedTuple


class Claim(NamedTuple):
    """A sentence, and the tests that fail where it is wrong, each as `file::test` below tests/."""

    words: str
    tests: tuple[str, ...]


TENANTS = {
    "restricted": Claim(
        "Every object of a model is taken by a namespace under Pod Security `restricted`, without a warning.",
        (
            "integration/test_goldens.py::test_the_api_server_takes_every_child_without_a_warning",
            "integration/test_goldens.py::test_a_pod_of_every_template_is_let_into_a_restricted_namespace",
        ),
    ),
    "pod": Claim(
        "A model's pod is not root, holds no token and no part of its node; its containers write to no image and gain no rights.",
        (
            "unit/children/test_pod.py::test_no_pod_runs_as_root_or_talks_to_the_api_server",
            "unit/children/test_pod.py::test_nothing_of_the_node_is_shared_with_a_pod",
            "unit/children/test_pod.py::test_no_container_writes_to_its_image_or_gains_rights",
        ),
    ),
    "lists": Claim(
        "What the lists of `allow` do not hold is refused at apply, and the refusal says what to write instead.",
        (
            "integration/test_allowed.py::test_what_is_on_the_list_is_let_in_and_nothing_else",
            "integration/test_allowed.py::test_a_refusal_says_what_to_write_instead",
        ),
    ),
    "judged-twice": Claim(
        "The operator judges by the same lists without the policy: nothing new runs, what runs goes on, and keys can be revoked.",
        (
            "unit/test_policy.py::test_the_operator_lets_in_what_the_admission_policy_lets_in",
            "integration/test_not_allowed.py::test_nothing_runs_of_what_is_not_allowed_until_the_spec_is_mended",
            "integration/test_not_allowed.py::test_a_list_tightened_later_takes_nothing_down_and_stops_no_revocation",
        ),
    ),
    "engine": Claim(
        "Options and variables of the engine that run code, open ports or files, or are unknown, need an admin's list; "
        "some nobody may set.",
        (
            "integration/test_allowed.py::test_with_nothing_set_an_engine_has_what_needs_nobodys_leave",
            "integration/test_bad_engine_input.py::test_what_an_engine_cannot_be_given_is_refused_with_its_remedy",
            "unit/engine/test_allowance.py::test_no_admin_can_allow_what_the_operator_sets_or_nobody_may",
            "e2e/test_arguments.py::test_the_table_has_the_options_of_this_vllm_with_the_kind_of_their_values",
        ),
    ),
    "expansion": Claim(
        "No argument and no variable takes another variable's value by `$(NAME)`.",
        ("unit/engine/test_entries.py::test_no_entry_and_no_variable_carries_another_variables_value",),
    ),
    "values": Claim(
        "No value of a spec, however long or large, holds up the operator: it is refused by name, or served.",
        (
            "integration/test_hostile_leaves.py::test_a_hostile_value_is_refused_by_name_or_served",
            "integration/test_bad_input.py::test_a_bad_value_is_refused_with_its_remedy",
            "unit/children/test_quantity.py::test_what_the_schema_does_not_admit_is_left_as_it_is",
        ),
    ),
    "names": Claim(
        "No spec names what another model owns: its keys, its guard's Secret, its certificate or its claim for weights.",
        ("integration/test_own_names.py::test_a_name_that_is_another_models_is_refused",),
    ),
    "hosts": Claim(
        "A host has one holder, who was there first. Who comes later says `HostConflict`, has no edge, sends no client there.",
        (
            "integration/test_host_claims.py::test_a_host_of_somebody_else_is_told_and_taken_over_when_it_is_free",
            "unit/controller/test_host_claims.py::test_the_loser_writes_no_edge_and_sends_nobody_to_the_host",
            "unit/controller/test_host_claims.py::test_an_ingress_that_comes_to_ask_for_a_host_takes_it_from_nobody",
        ),
    ),
    "tenant": Claim(
        "Who has the role `edit` in one namespace reads and changes nothing of another's models, keys and logs.",
        (
            "e2e/test_attacks.py::test_what_is_claimed_holds_when_it_is_tried",
            "e2e/test_clients.py::test_a_tenant_reads_its_own_secret_alone",
        ),
    ),
    "pinned": Claim(
        "A pinned pod template that somebody else wrote is not used where it asks for more than is rendered.",
        (
            "unit/children/test_pinned.py::test_a_forged_template_is_not_written",
            "unit/children/test_pinned.py::test_what_is_no_template_is_not_written",
        ),
    ),
    "neighbours": Claim(
        "Where accelerators are lacking, no model of another namespace is named.",
        ("unit/status/test_pod_causes.py::test_a_pod_that_does_not_answer_says_why",),
    ),
}

ACCOUNT = {
    "verbs": Claim(
        "The operator's roles hold no verb that it does not use.",
        (
            "privileges/test_privileges.py::test_every_verb_that_the_chart_grants_is_used",
            "privileges/test_privileges.py::test_nothing_that_the_operator_asked_for_was_refused",
        ),
    ),
    "owned": Claim(
        "Under the policy `…writes` its account creates and changes the objects of models alone, and nothing of anybody else's.",
        (
            "integration/test_admission.py::test_what_it_may_not_create_is_refused",
            "integration/test_admission.py::test_what_it_may_not_do_is_refused",
        ),
    ),
    "shape": Claim(
        "These have the shape that the operator renders: no part of a node, no root, no foreign address, no other pods.",
        (
            "integration/test_admission.py::test_no_object_of_another_shape_than_it_renders_is_created",
            "integration/test_admission.py::test_every_child_of_every_golden_is_let_through",
        ),
    ),
    "two": Claim(
        "Two installations that watch one namespace do not write against each other.",
        (
            "unit/controller/test_installation.py::test_the_second_says_so_once_and_writes_nothing",
            "unit/controller/test_installation.py::test_who_begins_at_the_same_time_ends_with_one",
        ),
    ),
    "one-writer": Claim(
        "Of two operator processes one writes, also when a Lease is taken away or a process wakes up late.",
        (
            "integration/test_takeover.py::test_who_was_stopped_and_wakes_writes_nothing",
            "integration/test_takeover.py::test_a_lease_that_is_taken_away_makes_no_second_writer",
        ),
    ),
    "garbled": Claim(
        "What somebody writes into a client's or a guard's Secret stops no revocation and costs no other client its key.",
        (
            "unit/keys/test_garbled.py::test_nothing_that_stands_in_a_secret_raises",
            "unit/keys/test_garbled.py::test_a_garbled_secret_is_repaired_and_said_and_holds_up_no_revocation",
            "unit/keys/test_garbled.py::test_a_garbled_record_in_the_guards_secret_costs_no_other_client_its_own",
        ),
    ),
    "pods-words": Claim(
        "What a pod that passes for a guard answers holds up nothing.",
        (
            "unit/guard/test_state.py::test_whatever_a_pod_says_is_read",
            "unit/guard/test_state.py::test_eight_times_the_text_costs_about_eight_times_as_much",
        ),
    ),
    "foreign": Claim(
        "Objects without a model's label are not fetched. Those with one are counted: where they take more than "
        "there is room for, the namespace that takes the most is left out, and another only while that one grows.",
        (
            "unit/kube/test_informer.py::test_foreign_objects_are_not_even_fetched",
            "unit/kube/test_bound.py::test_the_namespace_that_takes_the_most_is_left_out_and_no_other",
            "unit/kube/test_bound.py::test_namespaces_do_not_take_turns_in_being_left_out",
            "unit/kube/test_bound.py::test_large_sets_of_our_fields_are_not_remembered",
            "unit/kube/test_bound.py::test_many_small_objects_are_counted_too",
            "unit/kube/test_bound.py::test_a_namespace_is_worked_on_again_once_all_of_it_has_room",
            "unit/kube/test_wire.py::test_a_page_of_large_objects_is_not_read_but_asked_for_in_smaller_ones",
            "unit/kube/test_cache_models.py::test_of_an_entry_that_is_read_back_no_more_is_kept_than_the_operator_writes",
        ),
    ),
}

KEYS = {
    "leaks": Claim(
        "No key is in etcd, logs, Events, statuses, descriptions, metrics or command lines, but in the Secrets that hold keys.",
        ("e2e/test_leaks.py::test_no_key_is_found_outside_the_secrets_that_are_meant_to_hold_it",),
    ),
    "engine-keyless": Claim(
        "The engine never gets a key, in whichever header it was sent, and its container does not mount the guard's Secret.",
        (
            "guard/test_passed_on.py::test_the_engine_gets_the_headers_that_are_listed_and_no_others",
            "unit/children/test_pod.py::test_the_engine_gets_no_key_and_nothing_of_a_secret",
            "unit/children/test_pod.py::test_the_guard_alone_reads_its_secret_and_cannot_write_to_it",
        ),
    ),
    "revoked": Claim(
        "A revoked key is not accepted again, whatever Secret comes back from a backup.",
        (
            "unit/keys/test_key_revocation_properties.py::test_what_was_revoked_stays_revoked",
            "e2e/test_served.py::test_a_deleted_key_is_revoked_on_running_pods",
        ),
    ),
    "expiry": Claim(
        "An expired key ends on time, also with the operator gone.",
        (
            "guard/test_answers.py::test_expiry_comes_on_time_by_itself",
            "e2e/test_clients.py::test_expiry_comes_on_time_with_the_operator_gone_and_a_missed_revocation_when_it_is_back",
        ),
    ),
    "one-key": Claim(
        "A client's Secret holds its newest key alone, so pods with `envFrom` never get a replaced one.",
        (
            "unit/keys/test_issuer.py::test_an_upgrade_in_an_overlap_loses_no_key_and_takes_the_replaced_one_out_of_the_clients_secret",
        ),
    ),
    "hub-token": Claim(
        "The hub's token is sent to the hub, and not to hosts that it redirects to.",
        ("unit/fetch/test_hub.py::test_the_token_reaches_the_hub_and_no_other_server",),
    ),
    "hashes": Claim(
        "Fetched files are checked against the hub's hashes; what stays wrong is not kept.",
        ("unit/fetch/test_download.py::test_a_file_that_stays_wrong_is_named_is_not_kept_and_heals",),
    ),
    "listing": Claim(
        "No name in a listing, and no link on a volume, leads out of the model's directory.",
        (
            "unit/fetch/test_listing.py::test_no_file_leaves_the_directory_or_takes_the_fetchers_own_names",
            "unit/fetch/test_directory.py::test_a_symbolic_link_on_the_volume_leads_nowhere",
        ),
    ),
    "formats": Claim(
        "Formats that run code while they are loaded are not fetched unless `files` names them.",
        ("unit/fetch/test_listing.py::test_by_default_nothing_is_fetched_that_runs_code_when_it_is_loaded",),
    ),
}
