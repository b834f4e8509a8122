"""The application: API and console, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from callrouter.errors import CallrouterError
from callrouter.operations.operation import OperationError
from callrouter.web.access.audit import REFUSED
from callrouter.web.http import accounts_api, dialplan_api, live_api, records_api
from callrouter.web.http.description import openapi_of
from callrouter.web.http.guard import RequestGuard
from callrouter.web.http.identity import address_of, viewing
from callrouter.web.http.operations_api import operations_router
from callrouter.web.http.problems import (
    ForbiddenError,
    as_operation_error,
    is_for_programs,
    of_http,
    problem_response,
)
from callrouter.web.http.site import Site, site_of
from callrouter.web.pages.page_list import mount_pages
from callrouter.web.pages.page_rendering import error_page


def application(site: Site) -> ASGIApp:
    """All that the web process answers."""
    app = FastAPI(
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,
    )
    app.state.site = site
    app.openapi = partial(openapi_of, app)  # type: ignore[method-assign]  # as FastAPI documents it
    app.include_router(live_api.router)  # before the operations, whose paths have fields
    app.include_router(operations_router())
    app.include_router(records_api.router)
    app.include_router(accounts_api.router)
    app.include_router(dialplan_api.router)
    app.include_router(records_api.reports)
    mount_pages(app)
    app.add_exception_handler(CallrouterError, _failed)
    app.add_exception_handler(SQLAlchemyError, _failed)
    app.add_exception_handler(RequestValidationError, _failed)
    app.add_exception_handler(HTTPException, _not_found)
    return RequestGuard(app, https=site.web.is_https, hosts=site.web.hosts)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.site.live.close()


def _failed(request: Request, error: Exception) -> Response:
    said = as_operation_error(error)
    if isinstance(said, ForbiddenError):
        _note(request, said)
    if is_for_programs(request):
        return problem_response(said)
    return error_page(request, said.status, str(said))


def _note(request: Request, error: OperationError) -> None:
    who = getattr(request.state, "who", None)
    site_of(request).audit.note(
        "" if who is None else who.name,
        address_of(request),
        f"{request.method} {request.url.path}",
        "",
        f"{REFUSED}: {error}",
    )


def _not_found(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if is_for_programs(request):
        return of_http(error)
    with suppress(CallrouterError):  # nobody is signed in: a page without a menu
        viewing(request)
    return error_page(request, error.status_code, str(error.detail))
