"""The menu of the console: which pages there are, in groups, and who may see each."""

from typing import Final, NamedTuple

from callrouter.web.access.roles import Scope, WebIdentity


class PageInMenu(NamedTuple):
    """A page in the menu. scopes: one of them is needed; none for everybody."""

    path: str
    title: str
    scopes: tuple[Scope, ...]


class MenuGroup(NamedTuple):
    """Pages that are about the same; of one that has a single page, only that is shown."""

    title: str
    entries: tuple[PageInMenu, ...]


MENU: Final = (
    MenuGroup(
        "Calls",
        (
            PageInMenu("/", "Live calls", (Scope.CALLS, Scope.OWN)),
            PageInMenu("/calls", "Calls", (Scope.CALLS, Scope.OWN)),
            PageInMenu("/what-if", "What if", (Scope.NUMBERS,)),
            PageInMenu("/reports", "Reports", (Scope.CALLS,)),
        ),
    ),
    MenuGroup(
        "Agents",
        (
            PageInMenu("/queues", "Queues", (Scope.CALLS,)),
            PageInMenu("/callbacks", "Call-backs", (Scope.NUMBERS,)),
            PageInMenu("/extensions", "Extensions", (Scope.PRESENCE,)),
        ),
    ),
    MenuGroup(
        "Numbers",
        (
            PageInMenu("/numbers", "Numbers", (Scope.NUMBERS,)),
            PageInMenu("/accounts", "Accounts", (Scope.ACCOUNTS,)),
        ),
    ),
    MenuGroup(
        "Rules",
        (
            PageInMenu("/dialplan", "Dialplan", (Scope.DIALPLAN,)),
            PageInMenu("/schedules", "Schedules", (Scope.CALLS,)),
            PageInMenu("/blocks", "Blocked callers", (Scope.NUMBERS,)),
            PageInMenu("/gateways", "Gateways", (Scope.CALLS,)),
        ),
    ),
    MenuGroup(
        "System",
        (
            PageInMenu("/webhooks", "Webhooks", (Scope.DIALPLAN,)),
            PageInMenu("/settings", "Settings", (Scope.DIALPLAN,)),
            PageInMenu("/people", "People", (Scope.PEOPLE,)),
            PageInMenu("/audit", "Audit", (Scope.PEOPLE,)),
        ),
    ),
    MenuGroup("My account", (PageInMenu("/me", "My account", ()),)),
)


def menu_of(who: WebIdentity) -> list[MenuGroup]:
    """The pages that somebody may see, in their groups."""
    seen = [
        MenuGroup(group.title, tuple(entry for entry in group.entries if _sees(who, entry)))
        for group in MENU
    ]
    return [group for group in seen if group.entries]


def _sees(who: WebIdentity, entry: PageInMenu) -> bool:
    return not entry.scopes or any(map(who.may, entry.scopes))
