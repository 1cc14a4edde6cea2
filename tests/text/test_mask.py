import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cio_mcp.text.mask import mask_email, mask_phone, mask_text, mask_value

AROUND = st.text(max_size=20)
NUMBERS = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)


@given(before=AROUND, address=st.emails(), after=AROUND)
def test_masked_text_never_contains_an_address(before: str, address: str, after: str) -> None:
    assert address not in mask_email(f"{before}{address}{after}")
    assert address not in mask_email(f"{before}{address.replace('@', '%40')}{after}")


@given(text=st.text(st.sampled_from('ab@.%40•-_+"[]() é:/')))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask_text(text)
    assert mask_text(once) == once


@given(number=NUMBERS)
def test_masked_text_never_contains_an_international_number(number: str) -> None:
    once = mask_text(f"call {number} now")
    assert number not in once
    assert mask_text(once) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada@example.com", "a•••@example.com"),
        ("al@example.com", "•••@example.com"),
        ("//@example.com", "•••@example.com"),
        ("Ada <ada.l+news@mail.example.co.uk>, Bob", "Ada <a•••@mail.example.co.uk>, Bob"),
        ("https://x.example/u?email=ada%40example.com&x=1", "https://x.example/u?email=a•••%40example.com&x=1"),
        ('"ada l"@example.com', "•••@example.com"),
        ("élise@exämple.com", "é•••@exämple.com"),
        ("ada@[192.0.2.1]", "a•••@[192.0.2.1]"),
        ("follow @ada, 3 @ 5", "follow @ada, 3 @ 5"),
        ("+49 (151) 123-45678 is hers", "+4•••78 is hers"),
        ("a-rather-long-local-part.of-an-address@example.com", "a•••@example.com"),
        ("+49 151/12345678", "+4•••78"),
        ("?to=%2b4915112345678", "?to=+4•••78"),
        ("2026-01-31T09:00:00+00:00", "2026-01-31T09:00:00+00:00"),
    ],
)
def test_a_masked_value_can_be_recognized(text: str, expected: str) -> None:
    assert mask_text(text) == expected


def test_numbers_without_a_plus_are_known_by_their_key() -> None:
    person: JsonValue = {
        "phone": "0151 1234567",
        "mobile_number": 4915112345678,
        "homePhone2": "555-123-4567",
        "smartphone": "Model 12",
        "sms": {"unsubscribed": True},
        "hotel": "1234567",
        "visits": 1234567,
        "emails": ["ada@example.com", {"ada@example.com": None}],
    }
    assert mask_value(person) == {
        "phone": "0•••67",
        "mobile_number": "4•••78",
        "homePhone2": "5•••67",
        "smartphone": "Model 12",
        "sms": {"unsubscribed": True},
        "hotel": "1234567",
        "visits": 1234567,
        "emails": ["a•••@example.com", {"a•••@example.com": None}],
    }


def test_a_short_number_is_not_a_phone_number() -> None:
    assert mask_phone("112") == "112"
    assert mask_phone("12345") == "12345"
    assert mask_phone("123456") == "1•••56"


@pytest.mark.parametrize("key", ["phone", "Fax", "fax_no", "work_tel", "cell-number", "WhatsApp", "msisdn", "tel2"])
def test_a_key_of_a_phone_number_is_known_in_any_case_and_with_a_suffix(key: str) -> None:
    assert mask_value({key: "030 1234567"}) == {key: "0•••67"}
    assert mask_value({key: ["030 1234567", None]}) == {key: ["0•••67", None]}


@pytest.mark.parametrize("text", ["ada@bob.smith@example.com", "ada%40bob.smith%40example.com"])
def test_an_address_behind_another_at_sign_is_masked_too(text: str) -> None:
    assert "smith" not in mask_text(text)


@pytest.mark.parametrize("number", ["15551234567", "0151 12345678", "whatsapp:15551234567", "whatsapp:+15551234567"])
def test_a_recipient_that_is_a_number_is_masked_without_a_plus(number: str) -> None:
    assert "1234" not in mask_text(number, "recipient")
    assert mask_text(number, "order") == mask_text(number)


def test_a_recipient_that_is_not_a_number_keeps_its_name() -> None:
    assert mask_text("device-7a", "recipient") == "device-7a"
    assert mask_text("ada@example123456.com", "recipient") == "a•••@example123456.com"


def test_a_number_in_an_address_of_a_page_is_masked() -> None:
    assert "1234567" not in mask_text("https://a.example/?p=%2B15551234567&q=1")


@pytest.mark.parametrize(
    "key",
    [
        "phone_home", "phone_number_work", "phoneWork", "phone_verified_number", "mobile_de", "telefon", "tel_private",
        "handy", "contact_number", "whatsapp_id", "sms_to", "emergency_contact", "phones", "customer_phone_primary",
        "PhoneNumber", "mobile-2", "fon", "festnetz", "telefono", "numero_telefono", "gsm", "natel", "call_me",
        "phonenumber", "mobilenumber",
    ],
)  # fmt: skip
def test_the_word_for_a_phone_is_known_anywhere_in_a_key(key: str) -> None:
    assert mask_value({key: "0151 12345678", "n": [{key: 15112345678}]}) == {key: "0•••78", "n": [{key: "1•••78"}]}


@pytest.mark.parametrize("key", ["email", "E-Mail", "emailAddress", "mail"])
def test_an_address_with_a_mistake_is_known_by_its_key(key: str) -> None:
    assert mask_value({key: ["ada@@example.com", "ada@", "none"]}) == {key: ["a•••", "a•••", "none"]}


@pytest.mark.parametrize("key", ["phone_verified_at", "smartphone", "hotel", "excellent", "sms_count", "telling"])
def test_a_key_that_only_contains_or_describes_such_a_word_holds_no_number(key: str) -> None:
    assert mask_value({key: 1764100000}) == {key: 1764100000}


@pytest.mark.parametrize(
    "text",
    [
        "call 0049 151 12345678", "+49‑151‑12345678", "+49\u00a0151\u00a012345678", "+49–151–12345678",  # noqa: RUF001
        "＋4915112345678", "+４９15112345678", "%252B4915112345678",  # noqa: RUF001
        "(415) 555-2678", "415-555-2678", "+1 (415) 555-2678",
    ],
)  # fmt: skip
def test_a_number_in_a_simple_disguise_is_masked(text: str) -> None:
    masked_text = mask_text(text)
    assert "•••78" in masked_text
    assert not any(part in masked_text for part in ("1234", "555"))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("ada.l&#64;example.com", "ada"), ("ada.l%2540example.com", "ada"), ("ada.l＠example.com", "ada"),  # noqa: RUF001
        ("ada/dept@example.com", "dept"), (f"{'x' * 70}y@example.com", "xx"), ("ada.l&#x40;example.com", "ada"),
    ],
)  # fmt: skip
def test_an_address_in_a_simple_disguise_is_masked_whole(text: str, secret: str) -> None:
    assert secret not in mask_text(text)
    assert "•••" in mask_text(text)


@pytest.mark.parametrize("text", ["2026-01-31", "version 1.10.100", "order 0012", "10.0.0.1", "192-168", "3 of 10"])
def test_dates_and_other_numbers_stay(text: str) -> None:
    assert mask_text(text) == text


@given(st.text(st.sampled_from("a@%&#640;+0(1) -/."), max_size=60))
def test_masking_any_mixture_twice_is_masking_it_once(text: str) -> None:
    once = mask_text(text)
    assert mask_text(once) == once


@pytest.mark.parametrize("key", ["phone_status", "mobile_verified", "PhoneAt"])
def test_a_number_under_a_key_that_describes_a_phone_is_masked_all_the_same(key: str) -> None:
    assert mask_value({key: ["0151 12345678", "015112345678", 4915112345678]}) == {key: ["0•••78", "0•••78", "4•••78"]}


@pytest.mark.parametrize("key", ["phone_status", "mobile_verified", "PhoneAt", "phone_count"])
@pytest.mark.parametrize(
    "value",
    [
        "verified", "2026-01-31", "2026-01-31T09:00:00Z", "2026-01-31 09:00", "1764100001", "1764100000.25",
        1764100000, 1764100000000, 1764100000000000, 12, 123456, True, 0.5,
    ],
)  # fmt: skip
def test_a_status_a_time_and_a_count_of_a_phone_stay(key: str, value: JsonValue) -> None:
    assert mask_value({key: value}) == {key: value}


@pytest.mark.parametrize("key", ["call_count", "called_me", "recall_menu", "phoneme", "fonts", "order_id", "gsm_count"])
def test_keys_that_resemble_those_of_phones_hold_no_number(key: str) -> None:
    assert mask_value({key: 1764100000}) == {key: 1764100000}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada @ example.com", "a••• @ example.com"),
        ("write ada@ example.com", "write a•••@ example.com"),
        ("ada(at)example.com", "a•••(at)example.com"),
        ("ada [AT] mail.example.com", "a••• [AT] mail.example.com"),
        ("+49_151_12345678", "+4•••78"),
        ("415 555 2671", "4•••71"),
        ("call 415 555 2671, please", "call 4•••71, please"),
    ],
)
def test_an_address_and_a_number_that_are_spaced_or_spelled_out_are_masked(text: str, expected: str) -> None:
    assert mask_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "3 @ 5", "2 @ 5.00 EUR", "meet (at) noon", "meet @ noon. Bring it", "look (at) this", "follow us @ada.l",
        "EUR 415 555 267", "1 415 555 267", "1 000 000 0000", "order 123 456 7890", "12 415 555 2671", "415 555 26711",
        "415 555 2671 1234", "order_151_12345678", "id 4915112345678", "1764100000", "2026 11 26", "A+b_1_2",
        "4111 1111 1111 1111",
    ],
)  # fmt: skip
def test_ids_orders_times_and_amounts_stay(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"phone":"015112345678","n":1}', '{"phone":"0•••78","n":1}'),
        ('{"home": {"phone": 4915112345678}}', '{"home":{"phone":"4•••78"}}'),
        (' [{"mobile":"0151 12345678"}, "ada@example.com"]', '[{"mobile":"0•••78"},"a•••@example.com"]'),
        ('{"note": "{\\"phone\\":\\"015112345678\\"}"}', '{"note":"{\\"phone\\":\\"0•••78\\"}"}'),
        ('{"phone":"015112345678"', '{"phone":"015112345678"'),
        ('{"order": 4915112345678 }', '{"order": 4915112345678 }'),
    ],
)
def test_a_number_under_a_key_inside_json_is_masked(text: str, expected: str) -> None:
    assert mask_text(text, "profile") == expected


def test_json_that_cannot_be_read_is_masked_as_text() -> None:
    for text in ("[" * 100_000, '{"a":' * 10_000, '{"n":' + "1" * 5_000 + "}"):
        assert mask_text(f"{text} ada@example.com") == f"{text} a•••@example.com"
