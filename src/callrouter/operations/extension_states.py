"""Extensions, as operators ask for them: who is away, forwards, and their telephones."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice

from callrouter.operations.operation import (
    Name,
    Newest,
    OperationAnswer,
    RunningServer,
)
from callrouter.route.values.snapshot import FORWARDS
from callrouter.webhooks.call_object import Owners


class ListExtensions(Newest):
    """extension: only this one. part: only those whose key has this in it."""

    extension: Name | None = None
    part: Name | None = None


class ExtensionForward(OperationAnswer):
    """when: all, busy or no_answer. to: "" for nowhere. switched: by hand, not by the dialplan."""

    when: str
    to: str
    switched: bool


class ExtensionStatus(OperationAnswer):
    """An extension. away: why it is not rung, "" when it is. phones: that are registered.

    targets: of the dialplan, whose legs are taken for its own.
    """

    extension: str
    away: str
    forwards: list[ExtensionForward]
    phones: int
    targets: list[str]


class ExtensionList(OperationAnswer):
    """extensions: in the order of the dialplan. all: how many are such."""

    extensions: list[ExtensionStatus]
    all: int


async def list_extensions(running: RunningServer, request: ListExtensions) -> ExtensionList:
    """The extensions: who is away, where calls go on to, how many telephones."""
    shared = running.shared
    switched = await running.answer_of("forwards", shared.forwards.switched())
    away = await running.answer_of("presence", shared.presence.away())
    bound = await running.answer_of("registrations", shared.registrations.all(running.clock.now()))
    owners = Owners(running.dialplan())
    phones = Counter(extension for extension, _ in bound)
    found = [
        extension
        for extension in running.dialplan().extensions.values()
        if request.extension in {None, extension.key} and (request.part or "") in extension.key
    ]
    return ExtensionList(
        extensions=[
            ExtensionStatus(
                extension=extension.key,
                away=away.get(extension.key, ""),
                forwards=_forwards(extension.key, extension.forward, switched),
                phones=phones[extension.key],
                targets=owners.targets_of(extension.key),
            )
            for extension in islice(found, request.most)
        ],
        all=len(found),
    )


def _forwards(
    key: str, written: Mapping[str, str], switched: Mapping[str, str]
) -> list[ExtensionForward]:
    found = []
    for when in FORWARDS:
        goal = switched.get(f"{key} {when}")
        to = written.get(when) if goal is None else goal
        if to is not None:
            found.append(ExtensionForward(when=when, to=to, switched=goal is not None))
    return found
