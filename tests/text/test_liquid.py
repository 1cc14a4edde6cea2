"""Which variables a template uses, what it renders to, and that no template hangs or raises."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cio_mcp.text.liquid import render, required_variables, variables
from cio_mcp.text.liquid_bounds import MAX_OUTPUT_CHARACTERS, MAX_RANGE

FILTERS = frozenset(
    {"abs", "append", "at_least", "at_most", "base64_decode", "base64_encode", "capitalize", "ceil", "compact"}
    | {"concat", "currency", "date", "default", "divided_by", "downcase", "escape", "escape_once", "first", "floor"}
    | {"format_number", "join", "json", "last", "lstrip", "map", "minus", "modulo", "newline_to_br", "plus", "prepend"}
    | {"remove", "remove_first", "replace", "replace_first", "reverse", "round", "rstrip", "size", "slice", "sort"}
    | {"sort_natural", "split", "strip", "strip_html", "strip_newlines", "sum", "times", "truncate", "truncatewords"}
    | {"uniq", "upcase", "url_decode", "url_encode", "where"}
)
NAMES = st.text("abcdefilnorstz_", min_size=1, max_size=9).filter(lambda name: name not in {"size", "first", "last"})
NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)
SCOPES = st.sampled_from(["customer", "data", "event", "trigger"])


@pytest.mark.parametrize(
    ("template", "used"),
    [
        ("Hello {{customer.first_name}}", {"customer.first_name"}),
        ("{{ trigger.total | times: trigger.rate | round: 2 }}", {"trigger.total", "trigger.rate"}),
        ("{{- event.name | default: 'you | me' -}}", {"event.name"}),
        ('{% if data.vip == true and data.tier != "gold" %}x{% endif %}', {"data.vip", "data.tier"}),
        ("{% for item in trigger.items limit: 3 %}{{ item.name }}{{ forloop.index }}{% endfor %}", {"trigger.items"}),
        ("{% assign who = customer.name | upcase %}{{ who }}", {"customer.name"}),
        ("{% capture line %}{{ data.a }}{% endcapture %}{{ line }}", {"data.a"}),
        ("{{ data[\"first name\"] }}{{ data['city'] }}{{ data['a.b'] }}", {"data.first name", "data.city", "data"}),
        ("{{ trigger.items[0].name }}{{ trigger.items[data.at] }}", {"trigger.items", "data.at"}),
        ("{{ trigger.items.size }}{{ trigger.items.first }}", {"trigger.items"}),
        ("{% raw %}{{ data.x }}{% endraw %}{% comment %}{{ data.y }}{% endcomment %}{{ data.z }}", {"data.z"}),
        ("{% unsubscribe_url %} {{ 'text' }} {{ 12.5 }} { data.x }", set()),
        ("{% case event.kind %}{% when 'a' %}{{ event.a }}{% endcase %}", {"event.kind", "event.a"}),
        ("{% cio_link url:https://acme.example?a=b track:true %}{{ data.x }}", {"data.x"}),
        ("{% snippet footer %}{{ snippets.footer }}", {"snippets.footer"}),
        (
            "{{ data.limit }}{{ data.if.else }}{% if data.in == '.for' %}{{ '.or' }}{% endif %}",
            {"data.limit", "data.if.else", "data.in"},
        ),
        ("{{ data.size }}{{ data.first }}", {"data.size", "data.first"}),
    ],
)
def test_variables_that_a_template_reads_are_found_and_those_it_assigns_are_not(template: str, used: set[str]) -> None:
    assert variables(template) == frozenset(used)


MALFORMED = [
    "{{ broken {{ data.x }}",
    "{{ data.x",
    "{% if data.x",
    "{% if data.x %}yes",
    "{% endif %}",
    "{% else %}",
    "{% raw %}{{ data.x }}",
    "{% comment %}{{ data.x }}",
    "{{ customer.first name }}",
    "{{ }}",
    "{%%}",
]


@pytest.mark.parametrize("template", MALFORMED)
def test_a_malformed_template_is_unknown(template: str) -> None:
    assert variables(template) is None
    assert required_variables(template) is None
    assert render(template, {}, NOW) is None


@pytest.mark.parametrize(
    ("template", "required"),
    [
        ("{{ data.a }}{{ data.b | default: 'x' }}", {"data.a"}),
        ("{% assign b = data.b | default: 1 | plus: 2 %}{{ b }}", set()),
        ("{{ data.a | default: data.b }}", {"data.b"}),
        ("{% if data.a %}{{ data.a }} {{ data.b }}{% elsif data.c == blank %}{{ data.c }}{% endif %}", {"data.b"}),
        ("{% unless data.a == blank %}{{ data.a }}{% endunless %}", set()),
        ("{% case data.kind %}{% when data.a %}{{ data.a }}{{ data.b }}{% endcase %}", {"data.b"}),
        ("{% for item in data.items %}{{ item.name | default: 'x' }}{% endfor %}", {"data.items"}),
    ],
)
def test_a_variable_with_a_default_or_a_test_is_not_required(template: str, required: set[str]) -> None:
    assert required_variables(template) == frozenset(required)


VALUES: dict[str, JsonValue] = {
    "customer": {"first_name": "Ada", "colors": ["red", "blue"], "nothing": None, "hollow": "", "no": False},
    "data": {"total": 12.5, "count": 3, "self": 1, "when": 1483272000},
    "event": {"limit": 5, "in-put": "x"},
    "self": {"args": 2},
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hi {{ customer.first_name | upcase }}!", "Hi ADA!"),
        ("Hi {{ customer.missing }}{{ missing.all.the.way }}!", "Hi !"),
        ("{{ customer.missing | default: 'there' }}", "there"),
        ("{{ customer.colors | join: ', ' }} {{ customer.colors.size }} {{ customer.colors[0] }}", "red, blue 2 red"),
        ("{% for c in customer.colors %}{{ forloop.index }}{{ c }} {% endfor %}", "1red 2blue "),
        ("{% for i in (1..data.count) reversed %}{{ i }}{% endfor %}", "321"),
        ("{{ data.total | times: 2 }}", "25.0"),
        ("{{ data.total | currency: 'en', 'EUR' }}", "12.5"),
        ("{{ data.when | date: '%B %-d, %Y' }}", "January 1, 2017"),
        ("{{ data.when | date: '%H:%M', 'America/New_York' }}", "07:00"),
        ("{{ data.when | date: '%H:%M', 'Nowhere' }}", "12:00"),
        ("{{ customer.first_name | date: '%Y' }}{{ customer.nothing | date: '%Y' }}", "Ada"),
        ("{{ self.args }}{{ data.self }}", "21"),
        ("{% raw %}{{ customer.first_name }}{% endraw %}", "{{ customer.first_name }}"),
        ("{% unsubscribe_url %} {% random 100 %} {{ snippets.footer }} {{ campaign.name }}", "… … … …"),
        ("{% some_block %}{{ data.count }}{% endsome_block %}", "…3…"),
        ("{% include 'file' %}{% render 'file' %}", "……"),
        ("{{ data.count | a_filter_of_tomorrow: 1, x: 2 }}", "3"),
        ("{{ event.limit }}{{ event.in-put }}{{ '.for' }}", "5x.for"),
        ("", ""),
    ],
)
def test_a_template_renders_as_customer_io_documents(template: str, text: str) -> None:
    assert render(template, VALUES, NOW) == text


@pytest.mark.parametrize("name", ["missing", "nothing", "hollow", "no"])
def test_missing_null_false_and_empty_values_are_blank(name: str) -> None:
    template = "{% if customer.NAME == blank %}blank{% endif %}{% if blank != customer.NAME %}filled{% endif %}"
    assert render(template.replace("NAME", name), VALUES, NOW) == "blank"
    assert render(template.replace("NAME", "first_name"), VALUES, NOW) == "filled"


def test_now_is_the_time_of_the_rendering() -> None:
    assert render("{{ 'now' | date: '%Y-%m-%d %H:%M' }}", {}, NOW) == "2027-01-15 08:00"
    assert render("{{ 'today' | date: '%H', 'Asia/Tokyo' }}", {}, NOW) == "17"
    assert render("{% assign at = 'now' | date: '%s' %}{{ at }}", {}, NOW) == "1800000000"


@pytest.fixture
def far_west(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host whose own time zone is eight hours behind UTC."""
    monkeypatch.setenv("TZ", "PST8")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_west")
@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone of a process cannot be changed here")
def test_a_unix_time_is_the_same_in_every_time_zone() -> None:
    for zone in ("", ", 'Asia/Tokyo'"):
        assert render(f"{{{{ 'now' | date: '%s %%s'{zone} }}}}", {}, NOW) == "1800000000 %s"


@pytest.mark.parametrize("name", ["now", "today"])
def test_a_name_of_the_library_s_own_for_the_time_is_an_unknown_variable(name: str) -> None:
    assert render(f"Hi {{{{ {name} }}}}{{{{ {name} | date: '%Y' }}}}!", {}, NOW) == "Hi !"


@given(
    paths=st.sets(st.tuples(SCOPES, NAMES, NAMES).map(".".join), max_size=6),
    around=st.text(max_size=20),
)
def test_every_variable_that_is_put_out_is_found(paths: set[str], around: str) -> None:
    harmless = around.replace("{", "").replace("}", "").replace("%", "")
    assert variables(harmless.join(f"{{{{ {path} }}}}" for path in paths)) == frozenset(paths)


PIECES = st.sampled_from(
    sorted(
        {"{{", "}}", "{%", "%}", "{% if a %}", "{% for a in b %}", "{% endfor %}", "{% endif %}", "{% else %}"}
        | {"{% raw %}", "{% endraw %}", "{% comment %}", "{% endcomment %}", "{% assign a = b | c: d %}", "(1..9)"}
        | {"{% case a %}", "{% when 1 %}", "{% endcase %}", "{{ a | date: b }}", "{{ a.b[c]['d'] | join: e }}", "-"}
        | {"{% liquid\n", "assign", "|", "{% cycle 'a', b %}", "{% capture a %}", "{% endcapture %}", " ", "'", '"'}
        | {"{% tablerow a in b %}", "{% endtablerow %}", "{% doc %}", "{% enddoc %}", "{% break %}", "{% continue %}"}
        | {"{% increment a %}", "{% ifchanged %}", "{% unsubscribe_url %}"}
    )
)
JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcde"), inner, max_size=3),
    max_leaves=8,
)


@given(
    template=st.lists(PIECES, max_size=20).map("".join) | st.text(alphabet="{}%-|'\"[]. abcfor in=", max_size=200),
    values=st.dictionaries(st.sampled_from("abcde"), JSON, max_size=4),
)
def test_any_template_with_any_values_is_read_and_rendered_without_an_error(
    template: str, values: dict[str, JsonValue]
) -> None:
    read = variables(template)
    rendered = render(template, values, NOW)
    assert all(path for path in read or ())
    assert (required_variables(template) or frozenset()) <= (read or frozenset())
    assert read is not None or rendered is None
    assert len(rendered or "") <= MAX_OUTPUT_CHARACTERS


@given(filter_=st.sampled_from(sorted(FILTERS)), value=JSON, arguments=st.lists(JSON, max_size=3))
def test_any_filter_of_any_value_is_rendered_without_an_error(
    filter_: str, value: JsonValue, arguments: list[JsonValue]
) -> None:
    names = ", ".join(f"a[{place}]" for place in range(len(arguments)))
    rendered = render(f"{{{{ v | {filter_}: {names} }}}}", {"v": value, "a": arguments}, NOW)
    assert rendered is None or len(rendered) <= MAX_OUTPUT_CHARACTERS


UNREADABLE = {
    "outputs that never close": "{{ a" * 100_000,
    "raw blocks that never close": "{% raw %}" * 50_000,
    "outputs that never close in a comment": "{% comment %}" + "{{ a" * 90_000,
    "comments in comments": "{% comment %}" * 4_000,
    "deep blocks": "{% if a %}" * 4_000 + "{% endif %}" * 4_000,
    "spaces in an output": "{{" + " " * 400_000 + "}}",
    "brackets": "{{ " + "a[" * 1_000 + "]" * 1_000 + " }}",
    "parentheses": "{{ " + "(" * 3_000 + " }}",
    "conditions": "{% if " + "a and " * 500 + "a %}{{ }}{% endif %}",
    "a long text": "x" * 600_000,
    "many outputs": "{{ a }}" * 6_000,
}


@pytest.mark.parametrize("template", UNREADABLE.values(), ids=UNREADABLE)
def test_a_template_that_takes_too_long_to_parse_is_unknown(template: str) -> None:
    assert variables(template) is None
    assert render(template, {}, NOW) is None


COSTLY = {
    "loops in loops": "{% for a in (1..99) %}" * 10 + "x" + "{% endfor %}" * 10,
    "loops after loops": "{% for i in (1..99) %}{% endfor %}" * 1_000,
    "a long body": "{% for i in (1..999) %}" + "{{ a }}" * 1_000 + "{% endfor %}",
    "a range too long to reverse": "{% for i in (1..99999999999) reversed %}x{% endfor %}",
    "a range too long to search": "{% if (1..99999999999) contains 'x' %}x{% endif %}",
    "a range as long as the data say": "{% for i in (1..data.n) %}x{% endfor %}",
    "a text that doubles": "{% assign a = 'xx' %}" + "{% assign a = a | append: a %}" * 60 + "{{ a }}",
    "a list that doubles": "{% assign a = 'x,x' | split: ',' %}" + "{% assign a = a | concat: a %}" * 60,
    "a text that squares": "{% assign a = 'xxxxxxxx' %}" + "{% assign a = a | replace: 'x', a %}" * 9,
    "a number that squares": "{% assign a = 99999 %}" + "{% assign a = a | times: a %}" * 60,
}


@pytest.mark.parametrize("template", COSTLY.values(), ids=COSTLY)
def test_a_template_that_costs_too_much_is_parsed_and_not_rendered(template: str) -> None:
    assert variables(template) is not None
    assert render(template, {"data": {"n": 10**30}}, NOW) is None


def test_a_range_of_the_longest_length_is_rendered() -> None:
    assert render(f"{{% for i in (1..{MAX_RANGE}) %}}x{{% endfor %}}", {}, NOW) == "x" * MAX_RANGE
    assert render(f"{{% for i in (0..{MAX_RANGE}) %}}x{{% endfor %}}", {}, NOW) is None


def test_a_long_rendering_is_cut_to_its_beginning() -> None:
    assert render("Hi " + "x" * 400_000, {}, NOW) == "Hi " + "x" * (MAX_OUTPUT_CHARACTERS - 3)
    assert (
        render("{% tablerow i in (1..9999) %}{{ data.text }}{% endtablerow %}", {"data": {"text": "y" * 999}}, NOW)
        is not None
    )


def test_nothing_is_rendered_after_the_beginning() -> None:
    assert render("x" * (MAX_OUTPUT_CHARACTERS + 1) + "{{ 1 | divided_by: 0 }}", {}, NOW) == "x" * MAX_OUTPUT_CHARACTERS


def test_a_case_over_a_range_with_many_branches_is_rendered() -> None:
    assert render("{% case (1..2) %}" + "{% when 1 %}x" * 900 + "{% else %}y{% endcase %}", {}, NOW) == "y"
