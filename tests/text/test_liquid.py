"""Which variables a template uses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.text.liquid import variables

NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True).filter(
    lambda name: (
        name not in {"and", "or", "not", "in", "with", "as", "contains", "true", "false", "nil", "null"}
        and name not in {"blank", "empty", "reversed", "size", "first", "last", "forloop", "tablerowloop"}
    )
)


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
        ("{{ data[\"first name\"] }}{{ data['city'] }}", {"data", "data.city"}),
        ("{{ trigger.items[0].name }}{{ trigger.items[data.at] }}", {"trigger.items", "data.at"}),
        ("{{ trigger.items.size }}{{ trigger.items.first }}", {"trigger.items"}),
        ("{% raw %}{{ data.x }}{% endraw %}{% comment %}{{ data.y }}{% endcomment %}{{ data.z }}", {"data.z"}),
        ("{% unsubscribe_url %} {{ 'text' }} {{ 12.5 }} { data.x }", set()),
        ("{% case event.kind %}{% when 'a' %}{{ event.a }}{% endcase %}", {"event.kind", "event.a"}),
        ("{{ broken {{ data.x }}", {"data.x"}),
    ],
)
def test_what_a_template_reads_is_found_and_what_it_makes_itself_is_not(template: str, used: set[str]) -> None:
    assert variables(template) == used


@given(paths=st.sets(st.lists(NAMES, min_size=2, max_size=4).map(".".join), max_size=6), around=st.text(max_size=20))
def test_every_variable_that_is_put_out_is_found(paths: set[str], around: str) -> None:
    harmless = around.replace("{", "").replace("}", "").replace("%", "")
    assert variables(harmless.join(f"{{{{ {path} }}}}" for path in paths)) == paths


@given(st.text(alphabet="{}%-|'\"[]. abcfor in=", max_size=200))
def test_any_text_at_all_is_read_without_an_error(text: str) -> None:
    assert all(path.strip() == path and path for path in variables(text))


def test_a_long_body_that_opens_and_never_closes_is_read_in_time() -> None:
    assert variables("{{ a" * 100_000) == set()
    assert variables("{% raw %}" * 50_000) == set()
