"""The menu of the console: which pages there are, and who may see each."""

from typing import Final, NamedTuple

from callrouter.web.access.roles import Scope, WebIdentity


class PageInMenu(NamedTuple):
    """A page in the menu. scopes: one of them is needed; none for everybody."""

    path: str
    title: str
    scopes: tuple[Scope, ...]


MENU: Final = (
    PageInMenu("/", "Live calls", (Scope.CALLS, Scope.OWN)),
    PageInMenu("/calls", "Calls", (Scope.CALLS, Scope.OWN)),
    PageInMenu("/what-if", "What if", (Scope.NUMBERS,)),
    PageInMenu("/queues", "Queues", (Scope.CALLS,)),
    PageInMenu("/callbacks", "Call-backs", (Scope.NUMBERS,)),
    PageInMenu("/schedules", "Schedules", (Scope.CALLS,)),
    PageInMenu("/extensions", "Extensions", (Scope.PRESENCE,)),
    PageInMenu("/gateways", "Gateways", (Scope.CALLS,)),
    PageInMenu("/blocks", "Blocked callers", (Scope.NUMBERS,)),
    PageInMenu("/reports", "Reports", (Scope.CALLS,)),
    PageInMenu("/accounts", "Accounts", (Scope.ACCOUNTS,)),
    PageInMenu("/dialplan", "Dialplan", (Scope.DIALPLAN,)),
    PageInMenu("/webhooks", "Webhooks", (Scope.DIALPLAN,)),
    PageInMenu("/settings", "Settings", (Scope.DIALPLAN,)),
    PageInMenu("/people", "People", (Scope.PEOPLE,)),
    PageInMenu("/audit", "Audit", (Scope.PEOPLE,)),
    PageInMenu("/me", "My account", ()),
)


def menu_of(who: WebIdentity) -> list[PageInMenu]:
    """The pages that somebody may see."""
    return [entry for entry in MENU if not entry.scopes or any(map(who.may, entry.scopes))]
