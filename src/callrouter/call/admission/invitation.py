"""An INVITE that asks for a call: what it says, read before there is anything of it.

Rule. All that may refuse it without a call is here, and none of it keeps a state. A description of
which no session can come is no such thing: that call has a record, which says why it failed.
"""

from typing import NamedTuple

from callrouter.call.anchored_media import Unfit
from callrouter.call.interwork.caller_identity import routing_caller
from callrouter.call.interwork.diversion import diversions
from callrouter.call.interwork.header_policy import max_forwards
from callrouter.call.legs.option_tags import check_extensions
from callrouter.errors import SipError
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.rules.number_rules import Trunk
from callrouter.route.rules.peer_profile import PeerProfile
from callrouter.route.values.facts import Facts
from callrouter.sip.body import BodyError, check_session
from callrouter.sip.dialog import contact_uri
from callrouter.sip.message import Request
from callrouter.sip.sdp import outline
from callrouter.sip.uri import parse_uri


class Invitation(NamedTuple):
    """What an INVITE asks for. contact: the URI of its Contact. hops: Max-Forwards as it came.

    replaces: what names the dialog whose place it is to take, None for a call of its own.
    unfit: why what it describes can be no offer, None when it can.
    """

    contact: str
    hops: int
    replaces: str | None
    unfit: Unfit | None


def invitation_of(request: Request, peer: PeerProfile) -> Invitation:
    """Read an INVITE of a peer; a description that can be no offer is taken out of it.

    Raises SipError: 400 for what says too little or too much, 420 and 422 as `check_extensions`,
    483 when no hop is left, 488 for who is to take a place and describes nothing of use.
    """
    hops = max_forwards(request)
    check_extensions(request, peer)
    contact = contact_uri(request)
    if not contact:
        # Nobody could be asked anything, or be told that it is over (sections 8.1.1.8, 12.1.1).
        raise SipError("an INVITE without Contact", 400)
    if "replaces" not in request.headers:
        return Invitation(contact, hops, None, _unfit(request) if request.body else None)
    check_session(request)
    rows = request.rows("replaces")
    if len(rows) != 1:
        raise SipError("more than one Replaces", 400)
    return Invitation(contact, hops, rows[0], None)


def _unfit(request: Request) -> Unfit | None:
    """Why what an INVITE describes can be no offer, None when it can; it is taken out then."""
    try:
        check_session(request)
    except BodyError as error:
        said = outline(request.body)
        request.body = b""
        return Unfit(said, error.extra)
    return None


def facts_of(trunk: Trunk, request: Request, source: str, now: float, extension: str = "") -> Facts:
    """What an INVITE says of its call. source: IP address; now: Unix time. Raises SipError.

    extension: the one whose telephone it comes from, "" for no telephone.
    """
    caller = routing_caller(request, trunk.peer, trunk.country)
    called = parse_uri(request.uri).subscriber()
    to_user = to_ext = ""
    try:
        to = parse_uri(request.to().uri)
        to_user = to.subscriber()
        to_ext = to.param("ext") or numbers.extension(to_user)
    except SipError:
        # To may hold any URI at all (RFC 3261 section 8.1.1.2); then it names nobody of ours.
        pass
    headers = request.headers
    before = 0
    if "diversion" in headers or "history-info" in headers:
        before = diversions(request)
    return Facts(
        trunk=trunk.name,
        source=source,
        caller=caller,
        called=called,
        to_user=to_user,
        to_ext=to_ext,
        at=now,
        diversions=before,
        extension=extension,
    )
