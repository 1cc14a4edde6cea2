"""Where a template does not parse, and what is expected there."""

import pytest

from cio_mcp.text.liquid import variables
from cio_mcp.text.liquid_faults import find_fault


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("a\n{% if x %}hi", "line 2: expected “{% endif %}” after “{% if x %}”"),
        ("x\n\n{{ a.first name }}", "line 3: “expected end of expression, found word” in “{{ a.first name }}”"),
        ("\n{% endif %}", "line 2: “{% endif %}” closes no block"),
        ("a\n{{ a.b", "line 2: expected “}}” after “{{ a.b”"),
        ("{{ a }}\n{% if a", "line 2: expected “%}” after “{% if a”"),
        ("{% if a = b %}{% endif %}", "line 1: “expected end of expression, found '='” in “{% if a = b %}”"),
        (
            "{% if a %}\n{% for x in y %}\n{% endif %}",
            "line 3: expected “{% endfor %}” for “{% for x in y %}” of line 2, found “{% endif %}”",
        ),
        ("{% if a %}{% endif %}\n{% else %}", "line 2: “{% else %}” is outside of a block"),
        ("{% case x %}\n{% when %}{% endcase %}", "line 2: “missing expression” in “{% when %}”"),
        (
            "{% if a %}\n{% elsif b = c %}{% endif %}",
            "line 2: “expected end of expression, found '='” in “{% elsif b = c %}”",
        ),
    ],
)
def test_a_fault_names_its_line_and_what_is_expected(template: str, fault: str) -> None:
    assert str(find_fault(template)) == fault


@pytest.mark.parametrize(
    "template",
    [
        "",
        "<p>Hi {{ customer.first_name | default: 'you' }}</p>",
        "{% unsubscribe_url %} {{ snippets.footer }} {% some_new_tag x %}",
        "{% case x %}{% when 1 %}a{% else %}b{% endcase %}",
        "{% comment %}{% if %}{% endcomment %}{% raw %}{% if %}{% endraw %}",
        "{% for x in y %}{% if x %}{% break %}{% endif %}{% else %}none{% endfor %}",
    ],
)
def test_a_template_that_parses_has_no_fault(template: str) -> None:
    assert find_fault(template) is None
    assert variables(template) is not None


@pytest.mark.parametrize("template", ["{{" * 50_000, "{%" * 50_000 + "%}", "{% if a %}" * 3_000, "x" * 500_001])
def test_a_template_that_costs_too_much_has_a_fault(template: str) -> None:
    assert find_fault(template) is not None


def test_hostile_text_stands_in_a_fault_only_as_a_quotation() -> None:
    fault = find_fault("{{ “a” | <b> \n status: done }}")
    assert fault
    assert "<" not in str(fault)
    assert "\n" not in str(fault)
    assert str(fault).count("“") == str(fault).count("”")
