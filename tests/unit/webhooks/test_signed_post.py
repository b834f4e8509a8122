from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.hooks import SECRET
from support.tables import each

from callrouter.route.rules.mailboxes import Secret
from callrouter.secret import SecretError
from callrouter.webhooks import signed_post as posts
from callrouter.webhooks.delivery_rows import DueEvent
from callrouter.webhooks.endpoint import Endpoint
from callrouter.webhooks.signed_post import RefusedAddressError, check_address, signed
from callrouter.webhooks.webhook_delivery import RETRIES, retry_seconds

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def endpoint(*files: Path) -> Endpoint:
    secrets = tuple(Secret(file=str(file), env="") for file in files)
    return Endpoint(name="crm", url="https://crm.example.com/", secrets=secrets)


def test_vector_of_standard_webhooks(tmp_path: Path):
    key = tmp_path / "key"
    key.write_text(SECRET)
    headers = signed(
        endpoint(key),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        '{"test": 2432232314}',
        datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_sign_both_while_one_takes_the_place_of_the_other(tmp_path: Path):
    old, new, bad = (tmp_path / name for name in ("old", "new", "bad"))
    old.write_text(SECRET)
    new.write_text("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
    bad.write_text("whsec_not base64!")
    one = signed(endpoint(old), "a", "{}", NOW)["webhook-signature"]
    both = signed(endpoint(old, new), "a", "{}", NOW)["webhook-signature"].split(" ")
    assert both[0] == one
    assert len(both) == 2
    with pytest.raises(SecretError, match="bad: expected whsec_ and a key in base64"):
        signed(endpoint(bad), "a", "{}", NOW)


@each(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1"),
        *("ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:10.0.0.1"),
    ],
)
def test_address_of_our_own_network_is_refused_in_whatever_it_is_wrapped(address: str):
    with pytest.raises(RefusedAddressError, match="is no public address"):
        check_address(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_address_is_taken(address: str):
    check_address(address)


@pytest.mark.parametrize(
    ("status", "retry_after", "expected"),
    [
        (200, "", ("delivered", 0.0)),
        (204, "9", ("delivered", 0.0)),
        (301, "", ("failed", 0.0)),
        (410, "", ("gone", 0.0)),
        (429, "30", ("failed", 30.0)),
        (503, "Sun, 01 Mar 2026 12:01:00 GMT", ("failed", 60.0)),
        (503, "Sun, 01 Mar 2026 11:00:00 GMT", ("failed", 0.0)),
        (429, "99999999999", ("failed", 86400.0)),
        (429, "soon", ("failed", 0.0)),
        (500, "30", ("failed", 0.0)),
    ],
)
def test_answer_counts_by_its_status(
    status: int, retry_after: str, expected: tuple[str, float]
) -> None:
    made = posts._judged(status, retry_after, NOW)
    assert (made.result, made.wait_seconds) == expected


def test_attempts_come_at_the_times_of_the_specification_and_end():
    waits = [retry_seconds(tries) for tries in range(1, 11)]
    assert waits == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400, None]
    assert retry_seconds(1, 0.0) == 4.5
    assert retry_seconds(len(RETRIES), 1.0) == pytest.approx(95040)


def test_body_says_type_time_and_place_of_its_event():
    event = DueEvent(7, 0, "c1-ended", "call.ended", "c1", 3, "4000", 1772366400.25, '{"a":"€"}')
    assert event.body() == (
        '{"type":"call.ended","timestamp":"2026-03-01T12:00:00.250Z","seq":3,"data":{"a":"€"}}'
    )
