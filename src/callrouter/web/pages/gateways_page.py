"""The page of gateways: how they are, and which of them get no new calls."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from callrouter.operations import gateways
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.pages.filled_forms import (
    NO_FAULT,
    Fault,
    Fields,
    Filler,
    Viewer,
    acted,
    asked_of,
    done_of,
)
from callrouter.web.pages.page_rendering import page

router: Final = APIRouter()
ACTIONS: Final = {"/gateways/drain": "drain_gateway", "/gateways/enable": "enable_gateway"}


@router.get("/gateways")
def show_gateways(request: Request, who: Viewer) -> Response:
    """How the gateways are."""
    return _show(request, who, NO_FAULT)


@router.post("/gateways/drain")
def drain(request: Request, who: Filler, form: Fields) -> Response:
    """Give one no new calls."""
    return acted(request, who, form, gateways.drain_gateway, _show, gateway=form.get("gateway", ""))


@router.post("/gateways/enable")
def enable(request: Request, who: Filler, form: Fields) -> Response:
    """Give one calls again."""
    return acted(
        request, who, form, gateways.enable_gateway, _show, gateway=form.get("gateway", "")
    )


def _show(request: Request, who: WebIdentity, fault: Fault) -> Response:
    return page(
        request,
        "gateways.html",
        who,
        fault.status,
        fault=fault,
        done=done_of(request),
        gateways=asked_of(request, who, gateways.list_gateways).gateways,
        changes=who.may(Scope.DIALPLAN),
    )
