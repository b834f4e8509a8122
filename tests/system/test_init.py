"""The newcomer's way on the running program: init, check, test, serve, call, mistake, drain."""

import asyncio
import json
import os
import pty
import re
import signal
from pathlib import Path
from typing import Final

import pytest
from support.polling import PATIENCE, until
from support.ports import free_port
from support.programs import run
from support.serving import Place, Serving, command

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILES: Final = ("callrouter.yaml", "dialplan.yaml", "dialplan.test.yaml")
ANSWERS: Final = (
    # what is asked, what is typed, what is said of it
    ("Country", "China", "expected a country such as CN, found 'CHINA'"),
    ("Country", "cn", ""),
    ("Number", "ten", "expected a number such as"),
    ("Number", "400-622-8300", ""),
    ("calls come from", "203.0.113.256", "expected an IP address or network"),
    ("calls come from", "203.0.113.10", ""),
    ("Who rings", "192.0.2.20:99999", "expected a telephone such as"),
    ("Who rings", "sip:desk@127.0.0.1:5080, +86 139 1234 5678", ""),
)


async def do(folder: Path, *arguments: str | Path) -> tuple[int, str]:
    """Run a command in a folder, with no terminal; its exit code, and all that it said."""
    return await run(*command(*arguments), cwd=folder)


def at_free_ports(folder: Path) -> Place:
    """Serve at other ports than init's, which another test may have."""
    place = Place(folder, folder / "callrouter.yaml", free_port(), free_port())
    text = place.config.read_text(encoding="utf-8")
    text = text.replace(":5060", f":{place.port}").replace(":9090", f":{place.metrics_port}")
    place.config.write_text(text, encoding="utf-8")
    return place


async def test_newcomer_is_led_from_an_empty_folder_to_a_call_and_back(tmp_path: Path) -> None:
    target = free_port()
    code, said = await do(
        tmp_path,
        *("init", "--country", "GB", "--number", "+44 20 7946 0123"),
        *("--trunk", "203.0.113.10", "--target", f"sip:desk@127.0.0.1:{target}"),
    )
    assert code == 0
    name = "python -m callrouter"
    assert said.endswith(f"next:\n  {name} check\n  {name} test\n  {name} serve\n")
    place = at_free_ports(tmp_path)

    code, said = await do(tmp_path, "check")
    assert (code, said.splitlines()[-1].split(", version")[0]) == (
        0,
        "dialplan.yaml: ok, 1 numbers",
    )
    assert (await do(tmp_path, "check", "."))[0] == 0
    code, said = await do(tmp_path, "test")
    assert (code, said) == (
        0,
        "dialplan.yaml: 4 of 4 rules reached\n3 tests, 3 passed, 0 failed\n",
    )

    serving = await Serving.start(place)
    try:
        assert serving.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while "sipp -sn uac" not in serving.greeting:
                line = await serving.process.stdout.readline()
                assert line, serving.greeting
                serving.greeting += line.decode()
        call = serving.greeting.splitlines()[-1]
        await run("bash", "-c", f"({call}) > sipp.out 2>&1", cwd=tmp_path)
        record = await serving.record("+442079460123")
        assert (record["disposition"], record["trunk"]) == ("ANSWERED", "carrier")

        plan = tmp_path / "dialplan.yaml"
        well = plan.read_text(encoding="utf-8")
        plan.write_text(well.replace("hunt: [desk]", "hunt: [dekk]"), encoding="utf-8")
        code, said = await do(tmp_path, "reload")
        assert code == 1
        place_of_it, why, _ = said.split("\n")
        assert re.match(r".*/dialplan\.yaml:\d+:\d+: error: no .* is named 'dekk'", place_of_it)
        assert why.startswith("callrouter: error: the dialplan has mistakes; version ")
        plan.write_text(
            well.replace("hunt: [desk]", "hunt: [desk]\n        ring: 20s"), encoding="utf-8"
        )
        code, said = await do(tmp_path, "reload")
        # Whether it was loaded by itself when it was saved, or now: what has changed is said.
        assert (code, "numbers altered: 1  (+442079460123)\n" in said) == (0, True)

        code, said = await do(tmp_path, "cdr")
        assert (code, record["id"] in said) == (0, True)
        code, said = await do(tmp_path, "cdr", record["id"])
        assert code == 0
        assert re.search(r"^number +\+442079460123 *$", said, re.MULTILINE)
        code, said = await do(tmp_path, "drain")
        assert (code, said.splitlines()[-1]) == (0, "the server has stopped")
        assert await serving.ended(25) == 0
    finally:
        await serving.stop()


@pytest.mark.parametrize(
    ("country", "number", "trunk", "targets"),
    [  # 240.0.0.0/4 is reserved (RFC 1112, section 4): no machine listens there itself
        ("CN", "4006228300", "203.0.113.0/24", ["240.0.0.20", "sip:desk@240.0.0.21:5070"]),
        ("CN", "4000", "127.0.0.1", ["127.0.0.1:5080"]),
        ("VN", "028 7300 1234", "203.0.113.10", ["+84 912 345 678"]),
        ("us", "(800) 555-1234", "2001:db8::1", ["sip:pbx.example.com", "240.0.0.9"]),
        ("GB", "+442079460123", "203.0.113.10", ["02079460000,240.0.0.9"]),
        ("SG", "1900", "203.0.113.10", ["6001", "6002"]),
        ("GB", "tel:+44-20-7946-0123", "203.0.113.10", ["tel:02079460000"]),
        (
            "CN",
            "4000",
            "203.0.113.10",
            [
                *("sip:null@240.0.0.1", "sip:True@240.0.0.2", "sip:yes@240.0.0.3"),
                *("sip:x_6@240.0.0.4", "sip:x@240.0.0.5", "sip:x@240.0.0.6"),
            ],
        ),
    ],
)
async def test_what_it_writes_is_accepted_and_its_tests_pass(
    tmp_path: Path, country: str, number: str, trunk: str, targets: list[str]
) -> None:
    folder = tmp_path / "a new place"
    told = [part for target in targets for part in ("--target", target)]
    code, said = await do(
        tmp_path,
        *("init", folder, "--country", country, "--number", number, "--trunk", trunk, *told),
    )
    assert code == 0, said
    assert said.count(f"--config '{folder}/callrouter.yaml'\n") == 3
    assert sorted(os.listdir(folder)) == sorted(FILES)
    settings = folder / "callrouter.yaml"
    code, said = await do(tmp_path, "check", "--strict", "--config", settings)
    assert code == 0, said
    code, said = await do(tmp_path, "test", "--config", settings)
    assert (code, "not reached" in said) == (0, False), said
    code, said = await do(folder, "explain", "--from", "1", "--to", number, "--json")
    rung = sum(len(target.split(",")) for target in targets)
    assert (code, len(json.loads(said)["targets"])) == (0, rung), said


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "expected --country, --number, --trunk, --target: there is no terminal to ask at"),
        (["--country", "CN", "--trunk", "1.2.3.4", "--target", "1"], 2, "expected --number: there"),
        (["--country", "XX"], 2, "expected a country such as CN, found 'XX'"),
        (["--number", "*21"], 2, "expected a number such as"),
        (["--number", "0756*"], 2, "expected a number such as"),
        (["--number=-1"], 2, "expected a number such as"),
        (["--target=-13800138000"], 2, "expected a telephone such as"),
        (
            [  # of a link that is not named, so whatever networks the machine has
                *("--country", "CN", "--number", "1", "--trunk", "fe80::1"),
                *("--target", "13812345678"),
            ],
            1,
            "this machine has no IPv6 address towards fe80::1: expected one that it reaches",
        ),
        (["--trunk", "carrier.example"], 2, "expected an IP address or network"),
        (["--target", "sip:"], 2, "expected a telephone such as"),
        (
            [
                *("--country", "CN", "--number", "1", "--trunk", "203.0.113.0/24"),
                *("--target", "13812345678"),
            ],
            1,
            "13812345678 is dialled by way of the trunk, which needs one address, found 203.0.113",
        ),
    ],
)
async def test_wrong_options_say_what_was_expected_and_write_nothing(
    tmp_path: Path, options: list[str], code: int, said: str
) -> None:
    async with asyncio.timeout(PATIENCE):  # nobody is asked where there is nobody
        ended, told = await do(tmp_path, "init", *options)
    assert ended == code
    assert said in told.splitlines()[-1]
    assert told.splitlines()[-1].startswith("callrouter: error: ")
    assert os.listdir(tmp_path) == []


async def test_files_that_are_there_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "dialplan.yaml").write_text("mine", encoding="utf-8")
    options = ("--country", "CN", "--number", "1", "--trunk", "127.0.0.1", "--target", "127.0.0.1")
    code, said = await do(tmp_path, "init", *options)
    assert (code, said) == (
        1,
        "callrouter: error: dialplan.yaml: there already; --force writes over\n",
    )
    assert os.listdir(tmp_path) == ["dialplan.yaml"]
    assert (await do(tmp_path, "init", "--force", *options))[0] == 0
    assert "mine" not in (tmp_path / "dialplan.yaml").read_text(encoding="utf-8")


async def test_at_a_terminal_it_asks_and_asks_again_for_what_cannot_be_read(
    tmp_path: Path,
) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *command("init"), cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    screen = ""

    async def shown() -> str:
        nonlocal screen
        try:
            screen += os.read(ours, 65536).decode()
        except BlockingIOError:
            pass
        except OSError:  # the other end has closed it
            return screen
        return screen

    async def shows(words: str) -> None:
        nonlocal screen

        async def look() -> bool:
            return words in await shown()

        await until(look)

    try:
        for asked, typed, complaint in ANSWERS:
            await shows(asked)
            screen = ""
            os.write(ours, f"{typed}\n".encode())
            if complaint:
                await shows(f"callrouter: error: {complaint}")
        await shows("serve")
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0
    finally:
        os.close(ours)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()
    plan = (tmp_path / "dialplan.yaml").read_text(encoding="utf-8")
    for line in (
        "country: CN ",
        "timezone: Asia/Shanghai\n",
        "addresses: [203.0.113.10, 127.0.0.1] ",
        '  desk: {uri: "sip:desk@127.0.0.1:5080"}\n',
        '  target_2: {number: "+8613912345678", via: carrier}\n',
        '"4006228300":\n',
        "hunt: [desk, target_2] ",
    ):
        assert line in plan
    assert (await do(tmp_path, "check"))[0] == 0
