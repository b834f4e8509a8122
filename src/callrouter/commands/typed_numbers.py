"""Numbers in options of commands: as they are sent or dialled, or in a URI."""

from typing import Final

import click

from callrouter.errors import SipError
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.sip.headers import parse_address
from callrouter.sip.uri import parse_uri, subscriber_in


class NumberType(click.ParamType[str]):
    """A number in any spelling: a tel or SIP URI stands for what it says of one."""

    name = "number"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Read one."""
        try:
            return subscriber_in(str(value))
        except SipError as error:
            self.fail(str(error), param)


class ToHeaderType(click.ParamType[tuple[str, str]]):
    """A To header, its URI or the user in it: the user and the extension (`ext`) that it names."""

    name = "to"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Read one."""
        if isinstance(value, tuple):  # as it was read
            return value
        text = str(value)
        if ":" not in text:
            return text, numbers.extension(text)
        try:
            uri = parse_uri(parse_address(text).uri if "<" in text else text.strip())
        except SipError as error:
            self.fail(str(error), param)
        user = uri.subscriber()
        return user, uri.param("ext") or numbers.extension(user)


NUMBER: Final = NumberType()
TO_HEADER: Final = ToHeaderType()
