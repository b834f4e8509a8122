"""Samples of stacks count for the part that is at work, plain or compiled."""

from pathlib import Path

import pytest

from callrouter.bench.call_profile import PARTS, Modules, count

ROOT = Path("/opt/site/callrouter")
LIBRARY = "/opt/site/1234__mypyc.cpython-311-x86_64-linux-gnu.so"
OUTER = (
    "thread (7): MainThread;<module> (/opt/site/callrouter/__main__.py);"
    "serve (/opt/site/callrouter/commands/serve.py);Loop__run (/project/uvloop/loop.c)"
)
RECEIVED = (
    f"{OUTER};UdpListener.datagram_received (/opt/site/callrouter/net/transport/udp.py);"
    "Stack.receive (/opt/site/callrouter/sip/stack.py)"
)


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        (f"{OUTER};uv__io_poll (/project/build/libuv-x86_64/src/unix/linux.c)", "event loop"),
        (f"{OUTER};uv__udp_recvmsg (/project/libuv/udp.c);0x7f (/usr/lib/libc.so.6)", "kernel"),
        (RECEIVED, "transactions"),
        (f"{RECEIVED};parse (/opt/site/callrouter/sip/message.py)", "parse"),
        (f"{RECEIVED};send (/opt/site/callrouter/net/transport/udp.py)", "sockets"),
        (f"{RECEIVED};sendto (/project/uvloop/loop.c)", "event loop"),
        (f"{RECEIVED};run (/opt/site/callrouter/call/flows/call_flow.py)", "legs"),
        (f"{RECEIVED};decide (/opt/site/callrouter/route/decide/routing.py)", "decide"),
        (f"{RECEIVED};tell (/opt/site/callrouter/call/services/call_events.py)", "events"),
        (f"{RECEIVED};parse (/opt/site/callrouter/sip/message.py);malloc (/lib/python)", "parse"),
        ("thread (8): log;Log._run (/opt/site/callrouter/observe/log.py)", "log"),
        ("thread (9): records;encode (/opt/site/callrouter/observe/cdr/rows.py)", "records"),
        ("thread (5): watch;watch (/opt/site/watchfiles/main.py)", "others"),
    ],
)
def test_sample_counts_for_the_innermost_frame_that_is_of_a_part(stack: str, part: str) -> None:
    assert count([f"{stack} 3"], ROOT) == {part: 3}
    assert part in PARTS


@pytest.mark.parametrize(
    "frames",
    [
        "Event.wait (/lib/threading.py);PyThread_acquire_lock_timed (/lib/python);0x7f (/lib/x)",
        "epoll_pwait (/usr/lib/libc.so.6)",
        "take_gil (/lib/libpython3.11.so);pthread_cond_timedwait (/usr/lib/libc.so.6)",
    ],
)
def test_thread_that_waits_does_not_count(frames: str) -> None:
    assert count([f"{RECEIVED};{frames} 5"], ROOT) == {}


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("CPyDef_udp___UdpListener___datagram_received", "net/transport/udp"),
        ("CPyPy_udp___UdpListener___datagram_received", "net/transport/udp"),
        ("CPyDef_message____usual_headers", "sip/message"),
        ("CPyDef_call___call___Call___dial", "call/call"),
        ("CPyDef_hunt___hunt___hunt_gen_____mypyc_generator_helper__", "call/flows/hunt/hunt"),
        ("CPyStr_Build", ""),
    ],
)
def test_compiled_function_is_of_the_module_that_its_name_says(
    name: str, module: str, tmp_path: Path
) -> None:
    for path in (
        *("net/transport/udp", "sip/message", "call/__init__", "call/call"),
        *("call/flows/hunt/hunt", "call/flows/hunt/__init__"),
    ):
        file = tmp_path / f"{path}.cpython-311-x86_64-linux-gnu.so"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert Modules(tmp_path).of(name, LIBRARY) == module
