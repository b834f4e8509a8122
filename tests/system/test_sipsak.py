"""sipsak asks, as monitoring and the curious do: a trunk is answered, a stranger hears nothing."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio
from support.programs import run
from support.serving import Serving, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRUNK: Final = "127.0.0.1"
STRANGER: Final = "127.0.0.20"
DIALPLAN: Final = """\
country: CN
trunks:
  carrier: {addresses: [127.0.0.1]}
targets:
  desk: {uri: "sip:desk@127.0.0.1:9"}
numbers:
  "4000": {route: [{hunt: [desk]}]}
"""
_UNANSWERED: Final = 3
_CUT_OFF: Final = 2


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def serving(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Serving]:
    started = await Serving.start(lay_out(tmp_path_factory.mktemp("asked"), DIALPLAN))
    yield started
    await started.stop()


async def _sipsak(serving: Serving, source: str, *arguments: str) -> tuple[int, str]:
    """Its exit code, and what it printed. It asks twice.

    It waits 0.9 s for an answer that is not to come, and 9 s for one that is.
    """
    place = serving.place
    patience = "3000" if source == TRUNK else "300"
    return await run(
        *("sipsak", "-vv", "-D", "2", "-Z", patience, f"--local-ip={source}", *arguments),
        *("-s", f"sip:4000@127.0.0.1:{place.port}"),
        cwd=place.folder,
    )


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_trunk_that_asks_is_told_what_we_can(serving: Serving, transport: str) -> None:
    code, out = await _sipsak(serving, TRUNK, "-E", transport)
    assert code == 0, out
    assert "\nSIP/2.0 200 OK\n" in out.replace("\r", "")
    assert "INVITE, ACK, CANCEL, BYE, OPTIONS" in out
    assert "Accept: application/sdp" in out
    assert "Server:" not in out


async def test_trunk_finds_no_other_hop_behind_us(serving: Serving) -> None:
    code, out = await _sipsak(serving, TRUNK, "-T")
    assert code == 0, out
    assert "0: " in out
    assert "1: " not in out


@pytest.mark.parametrize("arguments", [(), ("-T",), ("-U", "-x", "60")])
async def test_stranger_that_asks_hears_nothing(
    serving: Serving, arguments: tuple[str, ...]
) -> None:
    code, out = await _sipsak(serving, STRANGER, *arguments)
    assert code == _UNANSWERED, out
    assert "SIP/2.0" not in out


async def test_stranger_that_connects_is_cut_off(serving: Serving) -> None:
    code, out = await _sipsak(serving, STRANGER, "-E", "tcp")
    assert code == _CUT_OFF, out
    assert "nothing received" in out
