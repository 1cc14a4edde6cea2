"""Reading the policy file: what it says is in force, and what is wrong in it is named by its key."""

from pathlib import Path

import pytest

from cio_mcp.errors import SettingError
from cio_mcp.gate.policy import Entry, Policy, Recipients
from cio_mcp.gate.policy_file import policy_of
from cio_mcp.gate.risk import Risk
from cio_mcp.server.definitions import load
from cio_mcp.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "docs" / "policy.example.toml"
TOOLS: dict[str, tuple[Risk, ...]] = {
    "get_customer": (),
    "send_event": ("send",),
    "update_customer": ("data", "send"),
}


def read_policy(folder: Path, text: str) -> Policy:
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return policy_of(Settings(policy_file=file), TOOLS)


def test_without_a_file_there_are_the_defaults() -> None:
    assert policy_of(Settings(), TOOLS) == Policy()


def test_an_empty_file_says_what_no_file_says(tmp_path: Path) -> None:
    assert read_policy(tmp_path, "# nothing yet\n") == Policy()


def test_the_documented_example_is_in_force_as_its_comments_say() -> None:
    policy = policy_of(Settings(policy_file=EXAMPLE), {each.name: each.classes for each in load()})
    assert (policy.large_audience, policy.sends_an_hour) == (500, 100)
    assert policy.recipients == Recipients(
        frozenset({"qa@example.com", "qa+signup@example.com"}), frozenset({"test.example.com"}), "Beta testers"
    )
    in_force = {
        ("update_customer", "data"): "allow",
        ("update_customer", "send"): "allow",
        ("send_event", "send"): "confirm",
        ("send_transactional", "send"): "allow",
        ("any", "destroy"): "hide",
    }
    for (tool, risk), rule in in_force.items():
        found = policy.rule_for(tool, risk)  # type: ignore[arg-type]  # a class, written as text for reading's sake
        assert found.value == rule, (tool, risk)
    assert not policy.lists("get_message", ())
    assert policy.where_to_ask("send_transactional", "send", Settings(), may_be_asked=True).value == "outside"


def test_each_rule_is_read_however_toml_writes_it(tmp_path: Path) -> None:
    policy = read_policy(
        tmp_path,
        'class.data = { rule = "hide", approval = "outside" }\n'
        'tool."send_event".rule = "confirm"\n'
        "\n"
        "[tool.'get_customer']  # not for this assistant\n"
        'rule = "hide"\n'
        "[recipients]\n"
        "segment = 3\n",
    )
    assert policy.classes == {"data": Entry("hide", "outside")}
    assert policy.tools == {"send_event": Entry("confirm"), "get_customer": Entry("hide")}
    assert policy.recipients.segment == "3"
    assert policy.why("recipients") == "policy file"


WRONG = {
    'large_audience = 500\nsends_an_hour = "many"': "sends_an_hour: expected a whole number",
    "sends_an_hour = 0": "sends_an_hour: expected at least 1",
    "sends_an_hour = true": "sends_an_hour: expected a whole number",
    '\n[class.send]\n# soon\nrule = "maybe"': "class.send.rule: expected 'allow', 'confirm' or 'hide'",
    '[class.delete]\nrule = "hide"': "class.delete: unknown key. Expected data, send, destroy",
    '[class.data]\napproval = "outside"\nrules = "hide"': "class.data.rules: unknown key. Expected rule, ap",
    "[classes.data]": "classes: unknown key. Expected large_audience, sends_an_hour, class, tool, sync,",
    'class = "hide"': "class: expected a table: [class]",
    '[tool]\nsend_event = "hide"': "tool.send_event: expected a table: [tool.send_event]",
    '[tool.send_event]\nrule = "hide"\n[tool.send_evnt]\nrule = "hide"': "tool.send_evnt: unknown tool",
    '[tool.get_customer]\nrule = "confirm"': "tool.get_customer.rule: get_customer only reads",
    '[tool.get_customer]\nrule = "hide"\napproval = "outside"': "tool.get_customer.approval: get_customer only re",
    '[class.send]\n\nrule = "allow"': "class.send.rule: needs [recipients]: a send is allowed only to",
    '[tool.send_event]\nrule = "allow"': "tool.send_event.rule: needs [recipients]: a send is allowed",
    '[recipients]\naddresses = [\n  "qa@example.com",\n  "everyone",\n]': "recipients.addresses.1: expected one",
    '[recipients]\naddresses = ["q\u0430@example.com"]': "recipients.addresses.0: expected one plain",
    '[recipients]\ndomains = ["*.example.com"]': "recipients.domains.0: expected a domain without @ or *",
    '[recipients]\ndomains = ["@example.com"]': "recipients.domains.0: expected a domain without @ or *",
    '[recipients]\ndomains = "example.com"': "recipients.domains: expected a list",
    '[recipients]\nsegment = ""': "recipients.segment",
    '[sync.crm]\nrule = "allow"\nmax_share = 0.1': "sync.crm.max_changed: is required: a sync is allowed only up",
    '[sync.crm]\nrule = "allow"\nmax_changed = 1': "sync.crm.max_share: is required: a sync is allowed only up",
    '[sync.crm]\nrule = "allow"\nmax_share = 2.0': "sync.crm.max_share: expected at most 1",
    "[sync.crm]\nmax_changed = 1": "sync.crm.rule: is required",
    '[sync.crm]\nrules = "allow"\nrule = "allow"': "sync.crm.rules: unknown key. Expected rule, max_changed, max_s",
    "large_audience = 500\nlarge_audience = 1": "is not valid TOML: Cannot overwrite a value",
    "large_audience = 500\n\n[class.data\n": "is not valid TOML: Expected ']' at the end of a table declaration",
    "large_audience =\n": "is not valid TOML: Invalid value (at line 1",
    "large_audience = " + "[" * 5_000: "is not valid TOML: Too many levels.",
    "large_audience = " + "1" * 5_000: "is not valid TOML: A number has too many digits.",
    'sends_an_hour = 5\nsegment = """three\nlines\n': "is not valid TOML: Unterminated string",
}  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), WRONG.items(), ids=range(len(WRONG)))
def test_a_wrong_file_is_reported_with_its_key_and_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SettingError) as wrong:
        read_policy(tmp_path, text)
    message = str(wrong.value)
    assert message.startswith(f"CIO_POLICY_FILE: {tmp_path / 'policy.toml'}: {reason}"), message
    assert "\n" not in message


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    assert read_policy(tmp_path, "\ufefflarge_audience = 5").large_audience == 5


def test_the_contents_of_a_file_cannot_forge_a_log_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as wrong:
        read_policy(tmp_path, f'"a\\nb\\u202e{"x" * 200}" = 1')
    message = str(wrong.value)
    assert message.isprintable()
    assert len(message) < 300


def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"CIO_POLICY_FILE: /.*/nowhere\.toml can't be read \(No such file"):
        policy_of(Settings(policy_file=tmp_path / "nowhere.toml"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match=r"binary\.toml is not UTF-8"):
        policy_of(Settings(policy_file=tmp_path / "binary.toml"))


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/"])
def test_a_path_that_is_not_a_file_is_not_read_and_is_named_in_full(path: str) -> None:
    with pytest.raises(SettingError) as caught:
        policy_of(Settings(policy_file=Path(path)))
    assert str(caught.value) == f"CIO_POLICY_FILE: {path} is not a file. Expected the path of a TOML file."


def test_a_file_of_more_than_a_megabyte_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("#" * 1_000_001)
    with pytest.raises(SettingError) as caught:
        policy_of(Settings(policy_file=file))
    assert str(caught.value) == f"CIO_POLICY_FILE: {file} is larger than 1,000,000 bytes."
    file.write_text("#" * 1_000_000)
    policy_of(Settings(policy_file=file))
