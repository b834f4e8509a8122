"""Registrations, as operators ask for them: telephones with us, and ours with gateways."""

from itertools import islice

from callrouter.operations.operation import MOST, NoValues, OperationAnswer, RunningServer
from callrouter.register.bindings import Binding


class RegisteredPhone(OperationAnswer):
    """source: transport, address and port that it registered from. left: seconds to the expiry.

    reachable: a call would reach it. agent: its User-Agent.
    """

    extension: str
    contact: str
    source: str
    left: int
    reachable: bool
    agent: str


class GatewayRegistration(OperationAnswer):
    """address: ours there. left: seconds to the expiry. why: what it failed with."""

    gateway: str
    address: str
    state: str
    left: int
    why: str


class RegistrationList(OperationAnswer):
    """all: how many telephones there are."""

    phones: list[RegisteredPhone]
    all: int
    gateways: list[GatewayRegistration]


async def list_registrations(running: RunningServer, _request: NoValues) -> RegistrationList:
    """Registered telephones, and our registrations with gateways."""
    now = running.clock.now()
    asked = running.shared.registrations.all(now)
    bindings = await running.answer_of("registrations", asked)
    return RegistrationList(
        phones=[_phone(extension, binding, now) for extension, binding in bindings[:MOST]],
        all=len(bindings),
        gateways=[
            GatewayRegistration(
                gateway=it.account.gateway,
                address=f"sip:{it.account.user}@{it.account.domain}",
                state=it.standing,
                left=int(it.left),
                why=it.why,
            )
            for it in islice(running.registrations.all(), MOST)
        ],
    )


def _phone(extension: str, binding: Binding, now: float) -> RegisteredPhone:
    transport, _, _, host, port = binding.place
    return RegisteredPhone(
        extension=extension,
        contact=binding.uri,
        source=f"{transport.lower()}:{host}:{port}",
        left=int(binding.expires - now),
        reachable=binding.reachable,
        agent=binding.agent,
    )
