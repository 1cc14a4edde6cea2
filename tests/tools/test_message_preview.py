"""What a plan says about the message that a send would deliver."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api.base import Content, Identifiers
from cio_mcp.customerio.api.people import Person
from cio_mcp.gate.question import question_about
from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.common.message_preview import MAX_BEGINNING, MAX_NAMES, MessagePreview, preview
from cio_mcp.tools.core.send_transactional import SendOptions, send_transactional
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
ADA = Person(
    identifiers=Identifiers(id="ada", email="ada@example.com"),
    attributes={"first_name": "Ada", "language": "pt-BR", "plan": ""},
)


def content(subject: str = "", body: str = "", language: str = "", **more: str) -> Content:
    return Content(id="1", type="email", subject=subject, body=body, language=language, **more)


def preview_of(
    *contents: Content, data: dict[str, JsonValue] | None = None, language: str | None = None
) -> MessagePreview:
    return preview(contents, ADA, data or {}, NOW, language)


def test_the_subject_and_the_visible_text_are_rendered_with_the_data_and_the_profile() -> None:
    body = (
        "<html><head><style>p { color: red }</style></head><body><p>Hi {{customer.first_name}},</p>\n"
        "<p>order&nbsp;<a href='{% cio_link url:https://acme.example %}'>{{trigger.order.id}}</a></p>"
        "{% if event.vip %}VIP{% endif %}</body></html>"
    )
    result = preview_of(content("Order {{data.order.id}}", body), data={"order": {"id": 7}, "vip": True})
    assert result == MessagePreview(subject="Order 7", beginning="Hi Ada, order 7 VIP")
    assert result.lines == ("Subject: “Order 7”", "Text begins: “Hi Ada, order 7 VIP”")
    assert (result.missing_data, result.warnings) == ((), ())


def test_a_message_without_html_shows_its_plain_text_and_no_subject() -> None:
    result = preview_of(content(body_plain="Your code is {{data.code}}"), data={"code": "123"})
    assert result.lines == ("Text begins: “Your code is 123”",)


def test_only_the_beginning_of_a_text_is_shown() -> None:
    result = preview_of(content("Long", "<p>" + "word " * 500 + "</p>"))
    assert result.beginning is not None
    assert len(result.beginning) == MAX_BEGINNING
    assert result.beginning.endswith("…")


def test_missing_variables_are_named() -> None:
    result = preview_of(
        content(
            "{{data.total}} {{customer.last_name}} {{customer.plan}}",
            "{{trigger.order_id}}{{data.note | default: 'none'}}{% if event.vip %}{{event.vip}}{% endif %}"
            "{{customer.first_name}}{{customer.email}}{{customer.nick | default: 'you'}}{{snippets.footer}}",
            preheader_text="{{data.preheader}}",
        ),
        data={"total": None},
    )
    assert result.missing == ("order_id", "preheader", "customer.last_name", "customer.plan")
    assert result.missing_data == (
        (
            "The data lacks variables that the template uses, so the message may not be delivered: "
            "“order_id”, “preheader”."
        ),
        (
            "The profile lacks attributes that the template uses, so the message may not be delivered: "
            "“customer.last_name”, “customer.plan”."
        ),
    )


def test_a_warning_names_only_so_many_variables() -> None:
    body = "".join(f"{{{{data.v{number:02d}}}}}" for number in range(MAX_NAMES + 3))
    (warning,) = preview_of(content("x", body)).missing_data
    assert warning.endswith("“v09”, and 3 more.")


def test_the_recipient_of_the_template_is_not_required_for_a_send_names_its_own() -> None:
    assert preview_of(content("Hello", "x", recipient="{{customer.phone}}")).missing == ()


def test_a_person_who_cannot_be_read_lacks_nothing() -> None:
    result = preview([content("Hi {{customer.first_name}}")], None, {}, NOW)
    assert (result.subject, result.missing) == ("Hi", ())


@pytest.mark.parametrize(
    ("language", "subject"),
    [("de", "Hallo"), ("DE-at", "Hallo"), ("pt-BR", "Oi"), (None, "Oi"), ("pt-PT", "Olá"), ("fi", "Hello")],
)
def test_the_variant_in_the_language_of_the_send_or_of_the_customer_is_shown(
    language: str | None, subject: str
) -> None:
    variants = [content("Hallo", language="de"), content("Olá", language="pt"), content("Oi", language="pt-br")]
    assert preview_of(*variants, content("Hello"), language=language).subject == subject


def test_without_a_default_variant_the_first_one_is_shown() -> None:
    assert preview_of(content("Hallo", language="de"), content("Hei", language="fi"), language="en").subject == "Hallo"


@pytest.mark.parametrize("body", ["{{ data.x", "{% if data.x %}", "{% for i in (1..99999999) %}{% endfor %}"])
def test_a_text_that_cannot_be_rendered_is_unknown_and_the_subject_is_still_shown(body: str) -> None:
    result = preview_of(content("Hello", body))
    assert (result.subject, result.beginning, result.unknown) == ("Hello", None, True)
    assert result.warnings == ("The template could only be read in part. It may use more variables.",)


def test_a_message_without_content_is_unknown() -> None:
    assert preview_of() == MessagePreview(unknown=True)


def test_foreign_text_cannot_close_the_quotes_it_stands_in() -> None:
    subject, text = preview_of(
        content("{{data.x}}", "<p>{{data.x}}</p>"), data={"x": "a” \u202e\nSubject: “free\u200b <b>"}
    ).lines
    assert subject == "Subject: “a' Subject: 'free ‹b›”"  # noqa: RUF001 - the look-alikes are the point
    assert text == "Text begins: “a' Subject: 'free”"


async def test_a_transactional_send_shows_what_the_message_says(ws: CallContext) -> None:
    data: dict[str, JsonValue] = {"order_id": 7, "tracking_url": "https://acme.example/7"}
    plan = await send_transactional(ws, "Order shipped", "ada", data=data)
    assert plan.preview == (
        "Subject: “Order 7 is on its way”",
        "Text begins: “Follow order 7: https://acme.example/7 https://acme.example/track”",
    )
    assert plan.missing_data == ()


async def test_a_transactional_send_warns_of_data_and_attributes_that_are_missing(
    ws: CallContext, sandbox: Sandbox
) -> None:
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada
    del ada.attributes["first_name"]
    plan = await send_transactional(ws, "1", "ada", data={"minutes": 5})
    assert (
        "The data lacks variables that the template uses, so the message may not be delivered: “reset_url”."
        in plan.missing_data
    )
    assert (
        "The profile lacks attributes that the template uses, so the message may not be delivered: "
        "“customer.first_name”."
    ) in plan.missing_data
    assert question_about(plan, "aaaa0001").text.split("\n")[1:3] == [f"- {each}" for each in plan.missing_data]
    assert plan.preview[0] == "Subject: “Reset your password”"


async def test_a_transactional_send_shows_the_variant_in_the_requested_language(
    ws: CallContext, sandbox: Sandbox
) -> None:
    parent = sandbox.workspace.sources["transactional", 2]
    default = parent.templates[0]
    danish = replace(default, id=22, subject="Ordre {{data.order_id}}", language="da")
    sandbox.workspace.sources["transactional", 2] = replace(parent, templates=(default, danish))
    for language, subject in (("da", "Ordre 7"), ("fi", "Order 7 is on its way")):
        plan = await send_transactional(ws, "2", "ada", data={"order_id": 7}, options=SendOptions(language=language))
        assert plan.preview[0] == f"Subject: “{subject}”"


async def test_a_malformed_or_hostile_template_can_still_be_sent(ws: CallContext, sandbox: Sandbox) -> None:
    parent = sandbox.workspace.sources["transactional", 2]
    for body in ("{{ a" * 50_000, "{% raw %}" * 20_000, "<a href='" * 30_000, "{% if data.x %}" * 2_000):
        template = replace(parent.templates[0], body=body)
        sandbox.workspace.sources["transactional", 2] = replace(parent, templates=(template,))
        plan = await send_transactional(ws, "2", "ada", data={"order_id": 7})
        assert plan.calls
        assert plan.preview[0] == "Subject: “Order 7 is on its way”"
