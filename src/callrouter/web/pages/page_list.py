"""The pages of the console, all of them, and what their forms do by the API's names."""

from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from callrouter.web.pages import (
    account_pages,
    accounts_page,
    blocks_page,
    call_backs_page,
    call_pages,
    dialplan_page,
    extensions_page,
    gateways_page,
    live_page,
    numbers_page,
    queues_page,
    reports_page,
    schedules_page,
    sign_in_pages,
    webhooks_page,
    what_if_page,
)

PAGES: Final = (
    live_page,
    call_pages,
    what_if_page,
    queues_page,
    schedules_page,
    extensions_page,
    gateways_page,
    blocks_page,
    dialplan_page,
    reports_page,
    numbers_page,
    accounts_page,
    call_backs_page,
    webhooks_page,
    account_pages,
    sign_in_pages,
)

ACTIONS: Final = {path: operation for room in PAGES for path, operation in room.ACTIONS.items()}
"""What each form of a page does: an operation of the API, "" for what only a browser has."""


def mount_pages(app: FastAPI) -> None:
    """Add all pages, and the files that they load."""
    for room in PAGES:
        app.include_router(room.router, include_in_schema=False)
    folder = str(files("callrouter.web.pages").joinpath("static"))
    app.mount("/static", StaticFiles(directory=folder), name="static")
