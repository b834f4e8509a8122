"""`explain`, `simulate` and `test` as they are typed: what a dialplan would do."""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.message import SDP
from support.phone import Phone
from support.ports import free_port
from support.serving import Serving, lay_out
from support.typed import run

pytestmark = pytest.mark.asyncio(loop_scope="session")

_CARRIER = """\
country: CN
timezone: Asia/Shanghai
trunks: {carrier: {addresses: [203.0.113.7]}}
gateways: {carrier: {address: 203.0.113.7}}
targets: {mobile: {number: "13900139000", via: carrier}}
numbers: {"4000": {route: [{hunt: [mobile]}]}}
"""
_TEST = """\
dialplan: dialplan.yaml
tests:
  - name: The mobile answers
    call: {from: "13800138000", to: "4000"}
    legs: {mobile: 200 after 2s}
    expect: {answered_by: mobile, disposition: ANSWERED}
"""


async def test_gateway_at_its_trunks_own_address_is_simulated_and_tested(tmp_path: Path) -> None:
    (tmp_path / "dialplan.yaml").write_text(_CARRIER, encoding="utf-8")
    (tmp_path / "dialplan.test.yaml").write_text(_TEST, encoding="utf-8")
    played = await run(tmp_path, "simulate", "--to", "4000", "--dialplan", "dialplan.yaml")
    assert (played.code, played.err) == (0, "")
    assert played.out.splitlines()[-1] == "ANSWERED by mobile"
    tested = await run(tmp_path, "test", ".")
    assert (tested.code, tested.err) == (0, ""), tested.out


_HOUSE = """\
country: CN
timezone: Asia/Shanghai
trunks: {carrier: {addresses: [127.0.0.0/29]}, phones: {phones: true}}
targets: {desk: {extension: "101"}, mobile: {uri: "sip:mobile@127.0.0.1:5081"}}
extensions: {"101": {phone: {user: "101", password_env: P101}}}
lists: {bad: {prefixes: ["0898"]}, good: {numbers: ["089812345678"]}}
voicemail: {box: {}}
schedules: {office: {open: ["Mon-Fri 08:30-17:30"]}}
numbers:
  "4000":
    lines: 2
    block: [bad]
    allow: [good]
    areas: {refuse: [Hunan]}
    route:
      - {when: {schedule: office}, hunt: [desk]}
      - {when: {schedule: office, is: closed}, hunt: [mobile]}
      - voicemail: box
"""


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        (
            ("--from", "13800138000", "--at", "Mon 10:00"),
            {
                "trunk carrier": "✓",
                "allow good": "·",
                "block bad": "✓",
                "areas of number 4000": "✓",
                "lines of number 4000": "✓",
                "step 1 of number 4000": "✓",
                "step 2 of number 4000": "·",
                "step 3 of number 4000": "✓",
            },
        ),
        (
            ("--from", "073112345678", "--at", "Sun 10:00"),
            {"block bad": "✓", "areas of number 4000": "✗"},
        ),
        (("--from", "089888888888", "--at", "Sun 10:00"), {"block bad": "✗"}),
        (
            ("--from", "089812345678", "--at", "Sun 10:00"),
            {"allow good": "✓", "areas of number 4000": "·"},
        ),
    ],
)
async def test_mark_says_passed_refused_or_not_asked(
    options: tuple[str, ...], rules: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "d.yaml").write_text(_HOUSE, encoding="utf-8")
    ended = await run(tmp_path, "explain", "--to", "4000", *options, "--dialplan", "d.yaml")
    assert (ended.code, ended.err) == (0, "")
    for rule, mark in rules.items():
        assert re.search(rf"{mark} {rule}\b", ended.out), (rule, ended.out)
    assert "nobody left" not in ended.out  # the voicemail is the end
    refused = "✗" in rules.values()
    assert ("desk at the telephones of extension 101 for" in ended.out) is ("Mon 10:00" in options)
    assert ("refused: " in ended.out) is refused


async def test_day_of_the_week_is_a_time_to_simulate_and_to_explain(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text(_HOUSE, encoding="utf-8")
    for at, rung in (("Mon 10:00", "desk"), ("Saturday 12:01", "mobile")):
        call = ("--from", "1380013800", "--to", "4000", "--at", at, "--dialplan", "d.yaml")
        for command in ("simulate", "explain"):
            ended = await run(tmp_path, command, *call)
            assert (ended.code, ended.err) == (0, "")
            assert rung in ended.out
            assert {"desk": "mobile ", "mobile": "desk "}[rung] not in ended.out


async def test_moment_without_an_offset_is_one_of_the_dialplans_clocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lay_out(tmp_path, _HOUSE.replace("5081", str(free_port())))
    monkeypatch.setenv("P101", "secret")
    elsewhere = {**os.environ, "TZ": "America/New_York"}
    serving = await Serving.start(place)
    settings = ("--config", place.config)
    try:
        for until in ("2036-03-01T17:30", "2036-03-01 17:30", "2036-03-01T09:30Z"):
            switch = ("override", "set", "office", "closed", "--until", until, "--json")
            ended = await run(tmp_path, *switch, *settings, env=elsewhere)
            assert (ended.code, ended.err) == (0, "")
            (switched,) = json.loads(ended.out)["overrides"]
            moment = datetime(2036, 3, 1, 9, 30, tzinfo=UTC)
            assert switched["until"] == moment.timestamp(), until
        phone = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", place.port))
        try:
            phone.invite("4999", SDP)
            phone.ack(await phone.expect(404))
        finally:
            await phone.close()
        started = (await serving.record("4999"))["started"]
        shanghai = ZoneInfo("Asia/Shanghai")
        for minutes, count in ((-5, 1), (5, 0)):
            since = datetime.fromtimestamp(started, shanghai) + timedelta(minutes=minutes)
            since_text = since.replace(tzinfo=None).isoformat(" ", "seconds")
            asked = ("cdr", "--json", "--since", since_text)
            ended = await run(tmp_path, *asked, *settings, env=elsewhere)
            assert (ended.code, ended.err) == (0, "")
            assert len(json.loads(ended.out)) == count, since_text
        # What is shown is on the same clocks.
        listed = await run(tmp_path, "override", "list", *settings, env=elsewhere)
        assert "2036-03-01 17:30:00+08:00" in listed.out
        (row,) = json.loads((await run(tmp_path, "cdr", "--json", *settings)).out)
        whole = await run(tmp_path, "cdr", row["id"], *settings, env=elsewhere)
        assert datetime.fromtimestamp(started, shanghai).isoformat(" ")[:23] in whole.out
    finally:
        await serving.stop()
    for command, option in (("explain", "--at"), ("simulate", "--at"), ("cdr", "--since")):
        shown = " ".join((await run(tmp_path, command, "--help")).out.split())
        assert "on the clocks of the dialplan" in shown.partition(option)[2]


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("hunt: mobile", "hunt: [mobile]", "'mobile' is a target, no group: write hunt: [mobile]"),
        ('lines: "2"', "lines: 2", "found '2' in quotes: write 2"),
        ("hunt: [4000]", "hunt: [mobile]", "found the number 4000; a name of digits stands"),
        ('["Mon - Fri 08:30-17:30"]', '["Mon-Fri 08:30-17:30"]', 'write "Mon-Fri 08:30-17:30"'),
        ("hunt: [mobile], timeout: 5s", "hunt: [mobile]", "did you mean 'ring' or 'total'?"),
        ("country: China", "country: CN", "did you mean 'CN'?"),
    ],
)
async def test_check_says_the_mistake_itself(
    wrong: str, right: str, said: str, tmp_path: Path
) -> None:
    assert right in _HOUSE
    (tmp_path / "d.yaml").write_text(_HOUSE.replace(right, wrong, 1), encoding="utf-8")
    ended = await run(tmp_path, "check", "d.yaml")
    assert ended.code != 0
    assert said in ended.err
