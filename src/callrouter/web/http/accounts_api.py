"""People, invitations, API tokens and the audit, over the API."""

import time
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from callrouter.web.access.hashed_secrets import MOST as LONGEST_PASSWORD
from callrouter.web.access.people import AccountError
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.http.identity import identify, needing, own_origin
from callrouter.web.http.operations_api import PREFIX
from callrouter.web.http.problems import RESPONSES, ForbiddenError, TooManyError
from callrouter.web.http.site import site_of

router: Final = APIRouter(prefix=f"{PREFIX}/v1", tags=["accounts"], responses=RESPONSES)

Values = dict[str, Any]
Anybody = Annotated[WebIdentity, Depends(identify)]
Admin = Annotated[WebIdentity, Depends(needing(Scope.PEOPLE))]
Role = Literal["viewer", "agent", "supervisor", "ops", "admin"]
Short = Annotated[str, Field(max_length=100)]


class AccountRequest(BaseModel):
    """Base of what is asked of accounts."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Me(BaseModel):
    """Who asks, and what they may do."""

    name: str
    role: str
    scopes: list[str]
    extension: str


class PeopleList(BaseModel):
    """Everybody who may sign in."""

    people: list[Values]


class InvitePerson(AccountRequest):
    """extension: whose calls an agent sees."""

    role: Role
    extension: Short = ""


class InvitationLink(BaseModel):
    """link: good once, and for a day."""

    link: str


class TokenList(BaseModel):
    """Your own API tokens."""

    tokens: list[Values]


class MakeToken(AccountRequest):
    """purpose: for people. days: how long it is good, 0 for ever."""

    purpose: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[str], Field(min_length=1, max_length=len(Scope))]
    days: Annotated[int, Field(ge=0, le=3650)] = 365


class MadeToken(BaseModel):
    """secret: shown this one time."""

    id: str
    secret: str


class ChangePassword(AccountRequest):
    """before: the one that is good now."""

    before: Annotated[str, Field(max_length=LONGEST_PASSWORD)]
    password: Annotated[str, Field(max_length=LONGEST_PASSWORD)]


class BeginSecondFactor(AccountRequest):
    """secret: in base32, as the telephone's app has it. code: of this moment."""

    secret: Annotated[str, Field(pattern=r"^[A-Z2-7]{32}$")]
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]


class EndSecondFactor(AccountRequest):
    """Who it is: by the password, or by the code of this moment."""

    password: Annotated[str, Field(max_length=LONGEST_PASSWORD)] = ""
    code: Annotated[str, Field(pattern=r"^([0-9]{6})?$")] = ""


class AuditPage(BaseModel):
    """Rows of the audit, the newest first."""

    rows: list[Values]


class Done(BaseModel):
    """It is done."""

    done: bool = True


@router.get("/me", operation_id="show_me")
def show_me(who: Anybody) -> Me:
    """Who you are, and what you may do."""
    return Me(name=who.name, role=who.role, scopes=sorted(who.scopes), extension=who.extension)


@router.get("/people", operation_id="list_people")
def list_people(request: Request, _who: Admin) -> PeopleList:
    """Everybody who may sign in."""
    return PeopleList(people=site_of(request).people.listed())


@router.post("/invitations", operation_id="invite_person")
def invite_person(request: Request, who: Admin, asked: InvitePerson) -> InvitationLink:
    """Make a link by which somebody signs up, good once and for a day."""
    secret = site_of(request).people.invite(asked.role, asked.extension)
    note(request, who, "invite_person", f"{asked.role} {asked.extension}".strip())
    return InvitationLink(link=f"{own_origin(request)}/invitation/{secret}")


@router.delete("/people/{name}", operation_id="remove_person")
def remove_person(request: Request, who: Admin, name: str) -> Done:
    """Remove somebody, with their sessions and API tokens."""
    site_of(request).people.remove(name)
    note(request, who, "remove_person", name)
    return Done()


@router.put("/me/password", operation_id="change_password")
def change_password(request: Request, who: Anybody, asked: ChangePassword) -> Done:
    """Change your own password; your other sessions end."""
    site = site_of(request)
    if not site.people.has_password(_proving(request, who), asked.before):
        raise AccountError("this is not your password", "before")
    site.people.set_password(who.name, asked.password)
    site.sessions.end_others(who.name, who.session)
    note(request, who, "change_password", who.name)
    return Done()


@router.put("/me/second_factor", operation_id="begin_second_factor")
def begin_second_factor(request: Request, who: Anybody, asked: BeginSecondFactor) -> Done:
    """Ask for a code of your telephone at each login from now on."""
    name = of_session(who).name
    site_of(request).people.begin_second_factor(name, asked.secret, asked.code)
    note(request, who, "begin_second_factor", name)
    return Done()


@router.post("/me/second_factor/end", operation_id="end_second_factor")
def end_second_factor(request: Request, who: Anybody, asked: EndSecondFactor) -> Done:
    """Ask for no code at login any more."""
    name = _proving(request, who)
    site_of(request).people.end_second_factor(name, asked.password, asked.code)
    note(request, who, "end_second_factor", who.name)
    return Done()


@router.get("/tokens", operation_id="list_tokens")
def list_tokens(request: Request, who: Anybody) -> TokenList:
    """Your own API tokens, without their secrets."""
    return TokenList(tokens=site_of(request).tokens.listed(of_session(who).name))


@router.post("/tokens", operation_id="make_token")
def make_token(request: Request, who: Anybody, asked: MakeToken) -> MadeToken:
    """Make an API token with some of your own scopes."""
    known = {str(scope): scope for scope in Scope}
    unknown = next((name for name in asked.scopes if name not in known), None)
    if unknown is not None:
        raise AccountError(f"expected scopes: {', '.join(known)}", "scopes")
    scopes = [known[name] for name in asked.scopes]
    made = site_of(request).tokens.make(of_session(who), asked.purpose, scopes, asked.days)
    note(request, who, "make_token", f"{made[0]} {' '.join(asked.scopes)}: {asked.purpose}")
    return MadeToken(id=made[0], secret=made[1])


@router.delete("/tokens/{id}", operation_id="remove_token")
def remove_token(request: Request, who: Anybody, id: str) -> Done:
    """Remove one of your API tokens; it is good no more."""
    site_of(request).tokens.remove(of_session(who).name, id)
    note(request, who, "remove_token", id)
    return Done()


@router.get("/audit", operation_id="list_audit")
def list_audit(
    request: Request,
    _who: Admin,
    most: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> AuditPage:
    """Who changed what, who heard what, and who was turned away. before: the last row's `id`."""
    return AuditPage(rows=site_of(request).audit.newest(most, before))


def note(request: Request, who: WebIdentity, action: str, what: str) -> None:
    """Write into the audit that somebody has done something."""
    site_of(request).audit.note(who.name, who.address, action, what)


def _proving(request: Request, who: WebIdentity) -> str:
    """Whose password or code is looked at, as often as at logins. Raises ForbiddenError,
    TooManyError.
    """
    if not site_of(request).logins.take(f"as {of_session(who).name}", time.monotonic()):
        raise TooManyError("too many passwords and codes: wait a few seconds")
    return who.name


def of_session(who: WebIdentity) -> WebIdentity:
    """Somebody who has signed in by hand. Raises ForbiddenError for an API token."""
    if not who.session:
        raise ForbiddenError("an API token changes no account")
    return who
