"""`callrouter init`: settings, a dialplan and its tests to begin with."""

import errno
import os
import re
import shlex
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import phonenumbers
from phonenumbers import PhoneNumberType
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number
from pydantic import TypeAdapter, ValidationError

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.schedules import Timezone
from callrouter.errors import CommandError, ParseError
from callrouter.private import FILE, new_file
from callrouter.sip.uri import subscriber_in
from callrouter.yamlfile.reader import parse
from callrouter.yamlfile.wording import shown

_SEPARATORS: Final = str.maketrans("", "", " ()-")
_NOBODY: Final = "999999"
"""A number for the test of one that the dialplan does not have."""
_LOOPBACK: Final = "127.0.0.1"
_WORDS: Final = frozenset(("false", "null", "true"))
_USER: Final = re.compile(r"sips?:([A-Za-z][A-Za-z0-9_-]{0,30})@")

_SETTINGS: Final = """\
# Settings of callrouter. Every path is relative to this file.

listen: [{listen}]      # where calls come in: transport, address, port
dialplan: dialplan.yaml

records: {{database: "sqlite:///var/callrouter.db", spool: var/spool}}
state: "sqlite:///var/state.db"         # what is kept over a restart
control: var/callrouter.sock            # by which commands reach the server
metrics: "127.0.0.1:9090"
log: {{level: info, format: text}}        # text for people, json for machines
"""
_DIALPLAN: Final = """\
# Where calls come from, what is called, and who rings.

country: {country}                             # how national numbers are read
timezone: {timezone}

trunks:                                 # who may call: everybody else is not heard
  carrier:
    addresses: [{addresses}]{local}
{gateways}
targets:                                # what can ring
{targets}

numbers:                                # what can be called
  "{number}":
    route:
      - hunt: [{names}]{order}
"""
_GATEWAY: Final = """
gateways:                               # by whom telephone numbers are called
  carrier: {{address: "{address}"}}
"""
_TESTS: Final = """\
# What the dialplan is to do: `callrouter test` asks it.

dialplan: dialplan.yaml
tests:
  - name: A call to {number} rings
    call: {{from: "{caller}", to: "{number}"}}
    expect: {{number: "{number}", targets: [{names}]}}

  - name: The first who rings answers
    call: {{from: "{caller}", to: "{number}"}}
    legs: {{{first}: "180 after 1s, 200 after 4s"}}
    expect: {{answered_by: {first}, disposition: ANSWERED}}

  - name: A number that nobody has is refused
    call: {{from: "{caller}", to: "{nobody}"}}
    expect: {{targets: [], final: 404, reason: unknown_number}}
"""


class RingTarget(NamedTuple):
    """One place to ring: a SIP URI or a number to dial, the other one "".

    host, transport: of the URI; transport "" when DNS is to say.
    """

    uri: str
    number: str
    host: str
    transport: str


def _country(text: str) -> str:
    return str(_by_grammar(fields.Country, text.upper()))


def _dialled(text: str) -> str:
    """The number in a text, or in a tel or SIP URI, without separators; a dash is none in front."""
    with suppress(ParseError):
        text = subscriber_in(text)
    return text if text.lstrip().startswith("-") else text.translate(_SEPARATORS)


def _number(text: str) -> str:
    number = _dialled(text)
    if not fields.is_written_out(number) or number[0] in "*#":
        raise ValueError(
            f'expected a number such as "02873001234", "+442079460123" or "4000", found '
            f"{shown(text)}"
        )
    return str(_by_grammar(fields.NumberKey, number))


def _trunk(text: str) -> str:
    return str(_by_grammar(fields.Network, text.strip()))


def _goal(text: str) -> RingTarget:
    text = text.strip()
    dialled = _dialled(text) if not text.lower().startswith(("sip:", "sips:")) else text
    if re.fullmatch(r"\+?[0-9]+", dialled):
        return RingTarget("", str(_by_grammar(fields.Dial, dialled)), "", "")
    uri = text if text.lower().startswith(("sip:", "sips:")) else f"sip:{text}"
    try:
        place: fields.SipPlace = _by_grammar(fields.Uri, uri)
    except ValueError:
        raise ValueError(
            'expected a telephone such as "192.0.2.20", "sip:desk@192.0.2.20:5060" or a number '
            f'to dial such as "+442079460123", found {shown(text)}'
        ) from None
    if place.transport == "tls":
        raise ValueError(
            f"{shown(text)} is called by TLS, which needs a certificate: expected a target by UDP "
            "or TCP; a TLS listener is for the settings by hand"
        )
    return RingTarget(place.uri, "", place.address.host, place.transport)


def _goals(text: str) -> list[RingTarget]:
    """Several, with commas between them."""
    return [_goal(one) for one in text.split(",")]


def _by_grammar(kind: Any, text: str) -> Any:
    """Read a value as a dialplan is read. Raises ValueError that says what was expected."""
    try:
        return TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["ctx"]["error"])) from None


class _Reader(click.ParamType[Any]):
    """An option that is read as the answer to its question is."""

    name = "text"

    def __init__(self, read: Callable[[str], Any]) -> None:
        self.read = read

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Read it once."""
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument(
    "folder", default=".", type=click.Path(file_okay=False, path_type=Path), required=False
)
@click.option("--country", type=_Reader(_country), help="Whose national numbers: CN, VN, US, GB.")
@click.option("--number", type=_Reader(_number), help="What is called: national, +..., or short.")
@click.option("--trunk", type=_Reader(_trunk), help="Address or network that calls come from.")
@click.option(
    "--target",
    "targets",
    type=_Reader(_goals),
    multiple=True,
    help="Who rings: address, SIP URI or number. Several: one after the other.",
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.pass_context
def init(
    context: click.Context,
    folder: Path,
    country: str | None,
    number: str | None,
    trunk: str | None,
    targets: tuple[list[RingTarget], ...],
    force: bool,
) -> None:
    """Write settings, a dialplan and its tests into FOLDER, ready to be served.

    What no option says is asked for. The trunk gets 127.0.0.1 too, so that a first call can come
    from this machine.
    """
    files = [folder / name for name in ("callrouter.yaml", "dialplan.yaml", "dialplan.test.yaml")]
    there = [str(file) for file in files if file.exists()]
    if there and not force:
        raise CommandError(f"{' and '.join(there)}: there already; --force writes over")
    given = {"--country": country, "--number": number, "--trunk": trunk, "--target": targets}
    missing = [name for name, value in given.items() if not value]
    if missing and not sys.stdin.isatty():
        raise click.UsageError(f"expected {', '.join(missing)}: there is no terminal to ask at")
    country = country or _ask("Country of your numbers", _country, "such as CN, VN, US or GB")
    number = number or _ask("Number that is called", _number, "national, +... or short")
    trunk = trunk or _ask("Where its calls come from", _trunk, "your carrier's IP address")
    goals = [goal for told in targets for goal in told] or _ask(
        "Who rings", _goals, "address, SIP URI or number; several with commas"
    )
    texts = _texts(country, number, trunk, goals)
    compile_dialplan(parse(texts[1], str(files[1])))  # before anything is written
    try:
        _write(dict(zip(files, texts, strict=True)))
    except OSError as error:
        raise CommandError(f"{folder} cannot be written to: {error.strerror}") from error
    for file in files:
        click.echo(f"wrote {file}")
    program = context.find_root().command_path
    config = "" if folder == Path() else f" --config {shlex.quote(str(files[0]))}"
    click.echo("next:")
    for command in ("check", "test", "serve"):
        click.echo(f"  {program} {command}{config}")


def _write(texts: dict[Path, str]) -> None:
    """Write all files, or none. Raises OSError."""
    made: dict[Path, Path] = {}
    try:
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{file.name} is a folder")
            # Settings may come to have a database's password in them.
            mode = FILE if not made else 0o644
            new = file.with_name(f".{file.name}.{os.getpid()}.new")
            made[new] = file
            with new_file(new, mode) as stream:
                stream.write(text.encode())
        for new, file in made.items():
            new.replace(file)
    finally:
        for new in made:
            new.unlink(missing_ok=True)


def _ask(what: str, read: Callable[[str], Any], such: str) -> Any:
    """Ask until the answer can be read."""
    while True:
        answer: str = click.prompt(f"{what} ({such})")
        try:
            return read(answer)
        except ValueError as error:
            click.echo(f"callrouter: error: {error}", err=True)


def _texts(country: str, number: str, trunk: str, goals: list[RingTarget]) -> tuple[str, str, str]:
    """The settings, the dialplan and its tests. Raises CommandError."""
    source = ip_network(trunk)
    alone = str(source[0]) if source.num_addresses == 1 else ""
    addresses = [alone or trunk]
    is_local = ip_address(_LOOPBACK) in source
    if not is_local:
        addresses.append(_LOOPBACK)
    dials = [goal.number for goal in goals if goal.number]
    if dials and not alone:
        raise CommandError(
            f"{dials[0]} is dialled by way of the trunk, which needs one address, found {trunk}"
        )
    named = _names(goals)
    names = ", ".join(named)
    gateway = _GATEWAY.format(address=f"[{alone}]:5060" if ":" in alone else f"{alone}:5060")
    dialplan = _DIALPLAN.format(
        country=country,
        timezone=_timezone(country, number),
        addresses=", ".join(f'"{it}"' if ":" in it else it for it in addresses),
        local="" if is_local else "    # this machine too, for a first call",
        gateways=gateway if dials else "",
        targets="\n".join(
            f'  {name}: {{uri: "{goal.uri}"}}'
            if goal.uri
            else f'  {name}: {{number: "{goal.number}", via: carrier}}'
            for name, goal in named.items()
        ),
        number=number,
        names=names,
        order="      # one after the other" if len(goals) > 1 else "",
    )
    tests = _TESTS.format(
        number=number,
        caller=_caller(country),
        names=names,
        first=next(iter(named)),
        nobody=_NOBODY if number != _NOBODY else f"{_NOBODY}1",
    )
    here = _own_addresses([str(source[0]), *(goal.host for goal in goals if goal.host)])
    for host in [*(goal.host for goal in goals), *([alone] if dials else [])]:
        if ":" in host and not any(":" in own for own in here):
            raise CommandError(
                f"this machine has no IPv6 address towards {host}: expected one that it reaches"
            )
    transports = ("udp", "tcp") if any(goal.transport == "tcp" for goal in goals) else ("udp",)
    listen = ", ".join(
        f'"{transport}:[{it}]:5060"' if ":" in it else f'"{transport}:{it}:5060"'
        for transport in transports
        for it in here
    )
    return _SETTINGS.format(listen=listen), dialplan, tests


def _names(goals: list[RingTarget]) -> dict[str, RingTarget]:
    """Name what rings, by the user of its URI where that is a name, and no other word of YAML."""
    named: dict[str, RingTarget] = {}
    for index, goal in enumerate(goals, 1):
        user = _USER.match(goal.uri)
        is_name = user is not None and user[1].lower() not in _WORDS
        name = user[1] if user is not None and is_name else f"target_{index}"
        while name in named:
            name += f"_{index}"
        named[name] = goal
    return named


def _timezone(country: str, number: str) -> str:
    """The time zone of a number, or of the country's first one."""
    read = [phonenumbers.example_number_for_type(country, PhoneNumberType.FIXED_LINE)]
    with suppress(phonenumbers.NumberParseException):  # a short one is nowhere
        read.insert(0, phonenumbers.parse(number, country))
    zones = [time_zones_for_number(it) for it in read if it is not None]
    known = (found[0] for found in zones if len(found) == 1 and found[0] != UNKNOWN_TIMEZONE)
    try:
        return str(_by_grammar(Timezone, next(known, "UTC")))
    except ValueError:  # this machine's zoneinfo does not have it
        return "UTC"


def _caller(country: str) -> str:
    """A mobile number of the country, for the tests."""
    example = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    if example is None:
        return "+8613800138000"
    return phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)


def _own_addresses(peers: list[str]) -> list[str]:
    """Our own addresses towards some peers, loopback first."""
    found = [_LOOPBACK]
    for peer in peers:
        try:
            address = ip_address(peer)
        except ValueError:  # a name, which DNS would have to say the place of
            continue
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect((peer, fields.SIP_PORT))  # sends nothing: the kernel picks the way
            except OSError:
                continue
            own = ip_address(sock.getsockname()[0].partition("%")[0])
        if str(own) not in found and not (own.version == 4 and own.is_loopback):
            found.append(str(own))
    return found
