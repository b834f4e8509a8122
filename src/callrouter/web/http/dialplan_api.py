"""The dialplan's text over the API: read, checked, compared, put live; its versions."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from callrouter.operations.operation import NotFoundError, OperationError
from callrouter.web.access.audit import REFUSED
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.core.drafts import DraftCheck, DraftComparison
from callrouter.web.core.live_dialplan import LONGEST, DialplanText, PutLive
from callrouter.web.http.accounts_api import note
from callrouter.web.http.identity import needing
from callrouter.web.http.operations_api import PREFIX
from callrouter.web.http.problems import RESPONSES
from callrouter.web.http.site import site_of

router: Final = APIRouter(prefix=f"{PREFIX}/v1/dialplan", tags=["dialplan"], responses=RESPONSES)

Ops = Annotated[WebIdentity, Depends(needing(Scope.DIALPLAN))]
Id = Annotated[int, Field(ge=1, le=2**53)]
IfMatch = Annotated[str | None, Header(description="The `ETag` of the text that is replaced.")]


class NoTagError(OperationError):
    """A change that does not say what it changes."""

    code = "precondition_required"
    status = 428


class Draft(BaseModel):
    """text: the whole file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: Annotated[str, Field(max_length=LONGEST)]


class ComparedDraft(Draft):
    """days: whose calls are replayed, up to now."""

    days: Annotated[int, Field(ge=1, le=31)] = 2


class VersionList(BaseModel):
    """versions: the newest first; who: "" for what was found in the file. bytes: of the text."""

    versions: list[dict[str, Any]]


class VersionText(BaseModel):
    """text: the whole file as it was."""

    text: str


@router.get("", operation_id="show_dialplan")
def show_dialplan(request: Request, response: Response, _who: Ops) -> DialplanText:
    """The dialplan's file, with its tag in `ETag`."""
    found = site_of(request).dialplan.read()
    response.headers["ETag"] = f'"{found.etag}"'
    return found


@router.put("", operation_id="put_dialplan")
def put_dialplan(request: Request, who: Ops, asked: Draft, if_match: IfMatch = None) -> PutLive:
    """Check a text, write it in the place of the file that `If-Match` names, and load it."""
    if if_match is None:
        raise NoTagError("expected If-Match with the ETag of the text that is replaced")
    return put_live(request, who, asked.text, if_match.strip('"'))


@router.post("/check", operation_id="check_dialplan")
def check_dialplan(request: Request, _who: Ops, asked: Draft) -> DraftCheck:
    """What is wrong with a text, as `callrouter check` says it."""
    return site_of(request).drafts.check(asked.text)


@router.post("/compare", operation_id="compare_dialplan")
def compare_dialplan(request: Request, _who: Ops, asked: ComparedDraft) -> DraftComparison:
    """Which of the last calls a text would decide differently, as `callrouter diff` says it."""
    return site_of(request).drafts.compare(asked.text, asked.days)


@router.get("/versions", operation_id="list_dialplan_versions")
def list_versions(request: Request, _who: Ops) -> VersionList:
    """The versions that were put live here, and what they replaced."""
    return VersionList(versions=site_of(request).versions.listed())


@router.get("/versions/{id}", operation_id="show_dialplan_version")
def show_version(request: Request, _who: Ops, id: Id) -> VersionText:
    """One of them; put it live to take it back."""
    text = site_of(request).versions.text(id)
    if text is None:
        raise NotFoundError(f"there is no version {id}")
    return VersionText(text=text)


def put_live(request: Request, who: WebIdentity, text: str, etag: str) -> PutLive:
    """Put a text live, with a row in the audit. Raises OperationError."""
    site = site_of(request)
    try:
        done = site.dialplan.put(text, etag, who.name)
    except OperationError as error:
        site.audit.note(who.name, who.address, "put_dialplan", etag, f"{REFUSED}: {error}")
        raise
    note(request, who, "put_dialplan", f"version {done.version}, serving {done.serving or '-'}")
    return done
