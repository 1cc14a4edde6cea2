"""The table of operations: what every row promises, and how requests are matched to rows."""

import itertools
import subprocess
import sys
from typing import get_args

import pytest

from cio_mcp.customerio.operations import (
    EVERYTHING,
    OPERATIONS,
    Operation,
    Risk,
    by_route,
    design,
    operation,
    people,
    pipelines,
    sources,
    track,
    workspace,
)

RISKS: tuple[Risk, ...] = get_args(Risk)
"""Every risk, the least first."""
ROWS = tuple(OPERATIONS.values())
PUBLISHED = tuple(row for row in ROWS if not row.when)
ACTIONS = tuple(row for row in ROWS if row.when)
READS = tuple(row for row in ROWS if not row.writes)
WRITES = tuple(row for row in ROWS if row.writes)
DOMAINS = {row.domain for row in ROWS}
FILLED = {family for row in READS for family in row.families}


def offenders(rows: tuple[Operation, ...]) -> list[str]:
    return [row.id for row in rows]


def test_an_id_is_found_under_itself_and_an_unknown_one_is_an_error() -> None:
    assert all(operation(id_) is row and row.id == id_ for id_, row in OPERATIONS.items())
    with pytest.raises(KeyError):
        operation("send_fax")


def test_ids_of_different_rows_differ() -> None:
    modules = (sources, people, workspace, design, track, pipelines)
    assert sum(len(module.ROWS) for module in modules) == len(OPERATIONS)


def test_each_published_route_has_one_row_and_each_action_of_it_another() -> None:
    assert len({(row.api, row.method, row.route) for row in PUBLISHED}) == len(PUBLISHED)
    assert len({(row.api, row.method, row.route, row.when) for row in ACTIONS}) == len(ACTIONS)
    assert all(by_route(row.api, row.method, row.route) is row for row in PUBLISHED)


def test_every_row_has_an_id_and_a_summary_in_their_form() -> None:
    assert not offenders(tuple(row for row in ROWS if not row.id.isidentifier() or row.id != row.id.lower()))
    assert not offenders(
        tuple(row for row in ROWS if not row.summary or not row.summary[0].isupper() or row.summary[-1] == ".")
    )
    assert len({row.summary for row in PUBLISHED if row.api == "app"}) == sum(row.api == "app" for row in PUBLISHED)


def test_a_get_is_a_read_and_a_delete_destroys() -> None:
    assert not offenders(tuple(row for row in ROWS if row.method == "GET" and row.writes))
    assert not offenders(tuple(row for row in ROWS if row.method == "DELETE" and row.risk != "destroy"))


def test_operations_that_delete_suppress_or_merge_people_destroy() -> None:
    words = ("delete", "suppress", "merge", "alias")
    named = tuple(row for row in ROWS if {*words} & {*row.id.split("_")})
    assert not offenders(tuple(row for row in named if row.risk != "destroy"))


def test_only_searches_read_with_post() -> None:
    searches = {row.id for row in READS if row.method == "POST"}
    assert searches == {"search_customers", "get_customers", "search_objects"}


def test_a_read_may_be_repeated_and_a_write_is_never_retried_as_a_read() -> None:
    assert not offenders(tuple(row for row in ROWS if (row.retry == "read") == row.writes))


def test_a_message_is_sent_with_one_request_only() -> None:
    messages = tuple(row for row in ROWS if row.permanent == "message")
    assert {"send_email", "trigger_broadcast", "send_newsletter", "start_live_notification"} <= {m.id for m in messages}
    assert not offenders(tuple(row for row in messages if row.retry != "once" or row.risk != "send"))


def test_an_event_may_be_repeated_only_where_this_server_gives_it_an_id() -> None:
    events = tuple(row for row in ROWS if row.event_data)
    assert not offenders(tuple(row for row in events if (row.retry == "repeatable") != bool(row.event_id)))
    assert not offenders(tuple(row for row in events if row.event_id and row.event_id not in row.generated))


def test_a_write_whose_body_is_unpublished_counts_at_least_as_a_send_and_is_redacted_whole() -> None:
    unchecked = tuple(row for row in WRITES if row.unpublished and row.method != "DELETE")
    assert unchecked
    assert not offenders(tuple(row for row in unchecked if RISKS.index(row.risk) < RISKS.index("send")))
    assert not offenders(tuple(row for row in unchecked if EVERYTHING not in row.content))


def test_every_name_in_a_row_is_a_parameter_of_its_route_or_a_field_of_its_body() -> None:
    shared = {domain: {f.name for row in ROWS if row.domain == domain for f in row.body_fields} for domain in DOMAINS}
    for row in ROWS:
        own = {field.name for field in row.body_fields} | {*row.path_parameters}
        exact = {*row.not_compared, row.event_id, row.event_data, row.updates_only.partition(".")[0]} | (
            {row.target} if not row.unpublished else set()
        )
        assert exact - own <= {""}, f"{row.id} has no {sorted(exact - own)}"
        # Rows of a domain share lists of fields to redact, so that one may name a field that only another has.
        redacted = {name.partition(".")[0] for name in (*row.people, *row.content, *row.secrets)}
        unknown = set() if EVERYTHING in own else redacted - own - shared[row.domain] - {EVERYTHING}
        assert not unknown, f"{row.id} has no {sorted(unknown)}"


def test_only_writes_generate_fields_have_inverses_or_leave_evidence() -> None:
    loose = tuple(
        row
        for row in READS
        if row.generated or row.inverse or row.permanent or row.guardrails or row.verify or row.answer_id
    )
    assert not offenders(loose)


def test_every_inverse_is_a_write_and_no_row_is_undone_and_permanent_at_once() -> None:
    assert not offenders(tuple(row for row in ROWS if row.inverse and not OPERATIONS[row.inverse].writes))
    assert not offenders(tuple(row for row in ROWS if row.inverse and row.permanent))


def test_the_inverse_of_a_write_destroys_only_what_the_write_made() -> None:
    destructive = {row.id for row in WRITES if row.inverse and OPERATIONS[row.inverse].permanent == "removal"}
    assert destructive
    assert all(id_.startswith(("create_", "save_")) for id_ in destructive)


def test_evidence_is_read_by_an_operation_that_reads() -> None:
    assert not offenders(tuple(row for row in ROWS if (row.evidence == "none") == bool(row.verify)))
    assert not offenders(tuple(row for row in WRITES if row.verify and OPERATIONS[row.verify].writes))


def test_a_read_fills_one_cache_family_and_a_write_empties_families_that_are_filled() -> None:
    assert not offenders(tuple(row for row in READS if len(row.families) != 1 or EVERYTHING in row.families))
    assert not offenders(tuple(row for row in WRITES if not {*row.families} <= FILLED | {EVERYTHING}))


def test_a_write_empties_what_shows_its_effect() -> None:
    for row in WRITES:
        if row.verify and EVERYTHING not in row.families:
            assert OPERATIONS[row.verify].families[0] in row.families, row.id


def test_each_lane_belongs_to_the_api_of_its_operations() -> None:
    assert {row.lane for row in ROWS if row.api == "app"} == {"app", "transactional", "broadcast", "archived_message"}
    assert {row.lane for row in ROWS if row.api == "track"} == {"track"}
    assert {row.lane for row in ROWS if row.api == "pipelines"} == {"pipelines"}
    assert [row.id for row in ROWS if row.lane == "broadcast"] == ["trigger_broadcast"]
    assert [row.id for row in ROWS if row.lane == "archived_message"] == ["get_archived_message"]
    assert {row.id for row in ROWS if row.lane == "transactional"} == {r.id for r in ROWS if r.evidence == "delivery"}


def test_a_send_counts_only_with_a_delivery_id_and_says_whether_it_reaches_unsubscribed_people() -> None:
    sends = tuple(row for row in ROWS if row.lane == "transactional")
    assert not offenders(tuple(row for row in sends if row.answer_id != "delivery_id"))
    rules = {"explicit_send_to_unsubscribed", "sender_overrides"}
    assert not offenders(tuple(row for row in sends if not rules <= {*row.guardrails}))


def test_events_are_checked_for_keys_that_would_redirect_mail() -> None:
    assert not offenders(tuple(row for row in ROWS if row.event_data and "reserved_event_keys" not in row.guardrails))


def test_every_write_to_a_segment_says_that_it_decides_who_is_in_it() -> None:
    writes = tuple(row for row in WRITES if row.domain == "segments" or row.evidence == "membership")
    assert len(writes) == 4
    assert not offenders(tuple(row for row in writes if "segment_membership" not in row.guardrails))


def test_operations_that_create_people_are_marked() -> None:
    creating = {row.id for row in ROWS if "creation" in row.guardrails}
    expected = {
        "identify_customer",
        "person_identify",
        "pipelines_identify",
        "track_event",
        "import_file",
        "submit_form",
        "add_device",
    }
    assert expected <= creating


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("add_to_segment", "remove_from_segment"),
        ("suppress_email", "unsuppress_email"),
        ("person_add_relationships", "person_delete_relationships"),
        ("object_add_relationships", "object_delete_relationships"),
    ],
)
def test_adding_and_removing_undo_each_other(one: str, other: str) -> None:
    assert (operation(one).inverse, operation(other).inverse) == (other, one)


def test_an_edit_is_undone_by_itself_and_a_person_who_was_deleted_by_nothing() -> None:
    assert operation("identify_customer").inverse == "identify_customer"
    for id_ in ("delete_customer", "suppress_customer", "unsuppress_customer", "merge_customers"):
        assert operation(id_).inverse == ""


def test_the_default_of_a_field_is_of_its_type() -> None:
    types: dict[type, str] = {bool: "boolean", dict: "object"}
    sends = {row.id for row in ROWS if "send_to_unsubscribed" in dict(row.defaults)}
    assert {"send_email", "send_push", "send_sms"} <= sends
    for row in ROWS:
        fields = {field.name: field.types for field in row.body_fields}
        # Rows of a domain share defaults, so that one may name a field that only another has.
        stated = {name: value for name, value in row.defaults if name in fields and value is not None}
        assert all(types[type(value)] in fields[name] for name, value in stated.items()), row.id


def test_a_write_that_must_name_what_it_made_is_never_answered_without_a_body() -> None:
    assert not offenders(tuple(row for row in ROWS if row.answer_id and row.empty_answer))
    assert not offenders(tuple(row for row in READS if row.empty_answer))
    assert not offenders(tuple(row for row in ROWS if row.permanent == "message" and row.empty_answer))


def test_credentials_are_never_shown() -> None:
    assert "endpoint" in operation("create_reporting_webhook").secrets
    assert "endpoint" in operation("list_reporting_webhooks").answer_secrets
    assert "token" in operation("get_subscription_center_token").answer_secrets


def test_fields_say_their_types_and_whether_they_are_required() -> None:
    fields = {field.name: field for field in operation("send_email").body_fields}
    assert fields["to"].required
    assert not fields["to"].conditional
    assert fields["body"].conditional
    assert not fields["body"].required
    assert fields["transactional_message_id"].types == ("integer", "string")
    assert fields["to"].types == ("string",)


def test_the_target_of_an_operation_is_named_by_its_row_rather_than_the_end_of_its_path() -> None:
    assert operation("delete_segment").target == "segment_id"
    assert operation("delete_newsletter_language").target == "newsletter_id"
    assert operation("merge_customers").target == "secondary"


def test_no_path_fits_two_templates() -> None:
    for one, other in itertools.combinations(PUBLISHED, 2):
        parts = list(zip(one.route.split("/"), other.route.split("/"), strict=False))
        same = (one.api, one.method, one.route.count("/")) == (other.api, other.method, other.route.count("/"))
        assert not same or any(a != b and "{" not in a + b for a, b in parts), f"{one.id} and {other.id}"


def test_equal_sends_at_different_times_are_compared_without_their_times() -> None:
    assert operation("send_email").not_compared == ("send_at",)
    assert operation("track_event").not_compared == ("id", "timestamp")
    assert operation("send_email").generated == ()


def test_the_table_loads_no_third_party_package() -> None:
    script = (
        "import sys; before = set(sys.modules); import cio_mcp.customerio.operations;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(*sorted(new - set(sys.stdlib_module_names) - {'cio_mcp'}))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""


def test_what_sends_data_out_is_never_only_an_edit_of_data() -> None:
    exports = [row for row in OPERATIONS.values() if row.writes and row.domain == "exports"]
    assert {row.id for row in exports} == {"export_customers", "export_deliveries"}
    assert all("data_export" in row.guardrails and row.risk == "send" for row in exports)
    assert OPERATIONS["create_reporting_webhook"].risk == "send"


def test_what_a_write_hides_its_read_hides_too() -> None:
    shown = [
        (row.id, secret)
        for row in OPERATIONS.values()
        if row.writes and row.api == "app" and row.verify and not OPERATIONS[row.verify].unpublished
        for secret in row.secrets
        if "." not in secret and secret != "data_file_url" and secret not in OPERATIONS[row.verify].answer_secrets
    ]
    assert shown == []
