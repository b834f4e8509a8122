"""The site: all parts of the web process, as those who answer requests find them."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from starlette.requests import HTTPConnection

from callrouter.archive.archive_reader import ArchiveReader
from callrouter.net.overload.rate_limit import Buckets
from callrouter.route.rules.mailboxes import Secret
from callrouter.secret import read_secret
from callrouter.settings.settings_file import Settings
from callrouter.settings.web_console import SignOnSettings, WebSettings
from callrouter.web.access.accounts_database import open_accounts
from callrouter.web.access.api_tokens import ApiTokens
from callrouter.web.access.audit import Audit, Hearings
from callrouter.web.access.dialplan_versions import DialplanVersions
from callrouter.web.access.people import People
from callrouter.web.access.sessions import Sessions
from callrouter.web.core.asked_server import AskedServer
from callrouter.web.core.drafts import Drafts
from callrouter.web.core.live_calls import LiveCalls
from callrouter.web.core.live_dialplan import LiveDialplan
from callrouter.web.core.records import OwnTargets, RecordSearch

if TYPE_CHECKING:
    from callrouter.web.access.single_sign_on import SingleSignOn

_REQUESTS: Final = (20.0, 200.0)
"""Requests of one who is known: a second, and at once."""
SIGN_ON_PATH: Final = "/login/single/back"
_LOGINS: Final = (20 / 60, 10.0)
"""Logins from one network, and of one name: a second, and at once."""


class Site:
    """The parts of the web process."""

    def __init__(self, settings: Settings, web: WebSettings, config: Path) -> None:
        """config: the file of the settings.

        Raises StoreError, OSError, SecretError when something cannot be opened.
        """
        self.settings = settings
        self.web = web
        self.config = config
        engine = open_accounts(web.database)
        self.people = People(engine)
        self.sessions = Sessions(engine)
        self.tokens = ApiTokens(engine)
        self.audit = Audit(engine)
        self.hearings = Hearings()
        self.server = AskedServer(settings.control)
        self.live = LiveCalls(self.server)
        self.own_targets = OwnTargets(self.server)
        self.records = RecordSearch(settings.records.database, self.own_targets.of)
        self.sign_on = None if web.sign_on is None else _sign_on(web, web.sign_on)
        self.drafts = Drafts(settings.dialplan, config)
        self.versions = DialplanVersions(engine)
        self.dialplan = LiveDialplan(settings.dialplan, self.drafts, self.versions, self.server)
        self.requests = Buckets(*_REQUESTS)
        self.logins = Buckets(*_LOGINS)
        # A browser takes a name with this prefix over HTTPS alone, and from no other host.
        self.cookie = "__Host-callrouter" if web.is_https else "callrouter"

    @property
    def trace_folder(self) -> Path | None:
        """Where the SIP trace is; None when none is kept."""
        trace = self.settings.trace
        return None if trace is None else trace.folder

    def archive(self) -> ArchiveReader:
        """The archive, open until the end of `with`. Raises StoreError."""
        media = self.settings.media
        return ArchiveReader(self.settings.records.database, media.voicemail, media.recordings)


def _sign_on(web: WebSettings, wanted: SignOnSettings) -> "SingleSignOn":
    # Here, because most have none, and its cryptography is a tenth of what there is to load.
    from callrouter.web.access.single_sign_on import (  # noqa: PLC0415
        SignOnProvider,
        SingleSignOn,
    )

    return SingleSignOn(
        SignOnProvider(
            issuer=wanted.issuer,
            client=wanted.client,
            secret=read_secret(Secret(file=wanted.secret_file, env="")),
            name=wanted.name,
            claim=wanted.claim,
            roles=wanted.roles,
            back=f"{web.address}{SIGN_ON_PATH}",
        )
    )


def site_of(connection: HTTPConnection) -> Site:
    """The site that a request has come to."""
    return cast(Site, connection.app.state.site)
