"""`explain`, `simulate` and `test` as they are typed: what a dialplan would do."""

from pathlib import Path

import pytest
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
