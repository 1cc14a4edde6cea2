import hashlib
import hmac
import string

from hypothesis import assume, example, given
from hypothesis import strategies as st

from cio_mcp.events.signature import MAX_AGE_SECONDS, fault, sign, stamp_fault

NOW = 1_700_000_000
keys = st.binary(min_size=1, max_size=64)
bodies = st.binary(max_size=200)
stamps = st.integers(NOW - int(MAX_AGE_SECONDS), NOW + int(MAX_AGE_SECONDS)).map(str)


def test_a_signature_is_the_documented_one() -> None:
    signed = hmac.new(b"key", b'v0:1700000000:{"a":1}', hashlib.sha256).hexdigest()
    assert sign(b"key", "1700000000", b'{"a":1}') == signed == signed.lower()


@given(keys, stamps, bodies, st.booleans())
def test_a_body_that_the_key_signed_in_time_is_genuine(key: bytes, stamp: str, body: bytes, prefixed: bool) -> None:
    signature = ("v0=" if prefixed else "") + sign(key, stamp, body)
    assert fault([key], stamp, signature, body, now=NOW) is None


@given(st.lists(keys, min_size=2, max_size=2, unique=True), stamps, bodies, st.integers(0, 1))
def test_either_of_two_keys_will_do(both: list[bytes], stamp: str, body: bytes, which: int) -> None:
    assert fault(both, stamp, sign(both[which], stamp, body), body, now=NOW) is None


@given(keys, stamps, bodies, bodies)
def test_another_body_is_not_genuine(key: bytes, stamp: str, body: bytes, other: bytes) -> None:
    assume(body != other)
    assert fault([key], stamp, sign(key, stamp, body), other, now=NOW) == "wrong signature"


@given(keys, keys, stamps, bodies)
def test_another_key_is_not_genuine(key: bytes, other: bytes, stamp: str, body: bytes) -> None:
    # HMAC pads keys with zeros, so that these two would be one.
    assume(key.rstrip(b"\0") != other.rstrip(b"\0"))
    assert fault([other], stamp, sign(key, stamp, body), body, now=NOW) == "wrong signature"


@given(keys, stamps, stamps, bodies)
def test_another_time_is_not_genuine(key: bytes, stamp: str, other: str, body: bytes) -> None:
    assume(stamp != other)
    assert fault([key], other, sign(key, stamp, body), body, now=NOW) == "wrong signature"


@given(keys, stamps, bodies, st.integers(0, 63), st.sampled_from("0123456789abcdefABCDEF\xe9 "))
def test_a_signature_with_another_character_is_not_genuine(
    key: bytes, stamp: str, body: bytes, position: int, other: str
) -> None:
    signature = sign(key, stamp, body)
    changed = signature[:position] + other + signature[position + 1 :]
    assume(changed != signature)
    assert fault([key], stamp, changed, body, now=NOW) == "wrong signature"


@given(keys, st.integers(1, 10**9), st.booleans(), bodies)
def test_a_signature_more_than_eight_days_off_is_stale(key: bytes, beyond: int, early: bool, body: bytes) -> None:
    stamp = NOW + (-1 if early else 1) * (int(MAX_AGE_SECONDS) + beyond)
    assume(stamp >= 0)
    assert fault([key], str(stamp), sign(key, str(stamp), body), body, now=NOW) == "stale"


@given(st.text() | st.none(), st.text() | st.none(), bodies)
@example("\u0661\u0667\u0660", "0" * 64, b"")
@example("1_700_000_000", "0" * 64, b"")
@example("9" * 5000, "0" * 64, b"")
@example(str(NOW), "\ud800", b"")
def test_no_header_is_genuine_or_an_error_by_chance(stamp: str | None, signature: str | None, body: bytes) -> None:
    assert fault([b"key"], stamp, signature, body, now=NOW) is not None


@given(st.text(alphabet=string.digits + "+-. eE_", max_size=20))
def test_a_time_is_digits_and_nothing_else(stamp: str) -> None:
    assert stamp_fault(stamp, "0" * 64, NOW) == "unsigned" or stamp.isdecimal()
