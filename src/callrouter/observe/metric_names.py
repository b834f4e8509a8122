"""Names and HELP texts of the metrics that are one number each.

Each text is a sentence: what is counted, in which unit, and when it matters. The first column is
the name of the number among the `Sources`.
"""

from typing import Final

GAUGES: Final = (
    (
        "active_calls",
        "callrouter_active_calls",
        "This many calls are in progress now, from their INVITE on; at limits.calls new ones "
        "are refused.",
    ),
    (
        "active_legs",
        "callrouter_active_legs",
        "This many legs (SIP dialogs) stand now; a call has two as a rule, more while it "
        "rings several targets.",
    ),
    (
        "transactions",
        "callrouter_transactions",
        "This many SIP transactions are open now; past limits.transactions new calls are refused.",
    ),
    (
        "timers",
        "callrouter_timers",
        "This many timers are armed now; a number that only ever grows is a bug of ours.",
    ),
    (
        "records_queued",
        "callrouter_records_queued",
        "This many call records wait to be written; when it keeps growing, the disk or the "
        "database is too slow or away.",
    ),
    (
        "journal_waiting",
        "callrouter_journal_waiting",
        "This many answered calls are not on disk yet; a kill now would lose them, so do not "
        "kill while it is above 0.",
    ),
    (
        "connections",
        "callrouter_connections",
        "This many TCP and TLS connections are open now; past connections.all peers are refused.",
    ),
    (
        "bindings",
        "callrouter_bindings",
        "This many contacts of registered telephones hold now; a sudden fall says that "
        "telephones do not reach us.",
    ),
    (
        "banned",
        "callrouter_banned",
        "This many addresses are banned now; whoever complains of no answer may be among them.",
    ),
    (
        "registrations",
        "callrouter_registrations",
        "This many of our registrations with gateways hold now; a gateway without one may "
        "send us no calls.",
    ),
    (
        "registrations_failed",
        "callrouter_registrations_failed",
        "This many of our registrations with gateways do not hold and are tried again; it "
        "should be 0.",
    ),
    (
        "media_slots",
        "callrouter_media_slots",
        "The serving media workers have room for this many sessions, taken or free.",
    ),
    (
        "media_used",
        "callrouter_media_slots_used",
        "This many sessions of the serving media workers are reserved; near "
        "callrouter_media_slots more workers are needed.",
    ),
)
COUNTERS: Final = (
    (
        "retransmissions",
        "callrouter_retransmissions",
        "Each SIP message that we sent again counts one; many for each call mean a lossy path "
        "or a peer that is down.",
    ),
    (
        "malformed",
        "callrouter_malformed",
        "Each datagram or frame that was no SIP message, or over a limit, counts one; it "
        "grows with broken devices and attacks.",
    ),
    *(
        (
            f"over_{name}",
            f"callrouter_over_{name}",
            f"Each message over limits.{name} counts one, and one as malformed; a peer of yours "
            "may need a higher limit.",
        )
        for name in ("headers", "header_size", "body_size")
    ),
    (
        "dropped",
        "callrouter_dropped",
        "Each response or ACK that nothing of ours waited for counts one and was dropped; "
        "refused floods and late answers are such.",
    ),
    (
        "strangers",
        "callrouter_strangers",
        "Each message that was turned away because no trunk has its address counts one: of "
        "scanners, or of a carrier that moved.",
    ),
    (
        "bans",
        "callrouter_bans",
        "Each ban that an address brought on itself counts one; it grows while somebody attacks.",
    ),
    *(
        (f"dropped_{name}", f"callrouter_dropped_{name}", text)
        for name, text in (
            (
                "banned",
                "Each message dropped, or connection refused, because its address is banned "
                "counts one; it says how long an attack goes on.",
            ),
            (
                "over_source",
                "Each message of a stranger past strangers.packets_per_second of its network "
                "counts one and was dropped: a flood, mostly.",
            ),
            (
                "over_all",
                "Each message of a stranger past strangers.all_packets_per_second counts one "
                "and was dropped; honest ones may be among them.",
            ),
            (
                "over_trunk",
                "Each datagram of a trunk past its packets_per_second counts one and was "
                "dropped; its calls suffer.",
            ),
            (
                "over_size",
                "Each datagram that was longer than limits.message_size counts one and was "
                "dropped unread; a trunk may need a higher limit.",
            ),
            (
                "scanners",
                "Each request whose User-Agent is a scanner's counts one and was dropped; "
                "nothing has to be done.",
            ),
            (
                "large",
                "Each answer to a stranger that was larger than its request, or one too many, "
                "counts one and was not sent: it might flood a third.",
            ),
        )
    ),
    (
        "overloaded",
        "callrouter_overloaded",
        "Each INVITE that was answered 503, at a limit or while draining, counts one; while "
        "nobody drains, callers are turned away.",
    ),
    (
        "refused_late",
        "callrouter_refused_late",
        "Each INVITE refused past limits.lag counts one, and one as overloaded; the processor "
        "core is full.",
    ),
    (
        "refused_fast",
        "callrouter_refused_fast",
        "Each INVITE refused past limits.calls_per_second counts one, and one as overloaded; "
        "the limit may be too low.",
    ),
    (
        "refused_full",
        "callrouter_refused_full",
        "Each INVITE refused past limits.transactions counts one, and one as overloaded; "
        "peers answer too slowly, or the limit is too low.",
    ),
    (
        "lost",
        "callrouter_datagrams_lost",
        "Each datagram that the kernel dropped because a socket was full counts one; the "
        "process reads too slowly.",
    ),
    (
        "auth_challenged",
        "callrouter_auth_challenged",
        "Each request that was asked for a password counts one; most devices are asked once "
        "for each of their requests.",
    ),
    (
        "auth_failed",
        "callrouter_auth_failed",
        "Each request with a wrong user or password counts one: somebody guesses, or a device "
        "is set up wrongly.",
    ),
    (
        "auth_dropped",
        "callrouter_auth_dropped",
        "Each request dropped because its address had given too many wrong passwords counts "
        "one; a device of yours is shut out for a while too.",
    ),
    (
        "auth_without_qop",
        "callrouter_auth_without_qop",
        "Each request with a right password and no qop counts one where its account does not "
        "take that; see the key without_qop of accounts.",
    ),
    (
        "auth_other_uri",
        "callrouter_auth_other_uri",
        "Each request answered 400 because its credentials were for another Request-URI "
        "counts one; something on the way rewrites requests.",
    ),
    (
        "records_written",
        "callrouter_records_written",
        "Each call record that the database took at once counts one; while all is well it "
        "grows with the calls that end.",
    ),
    (
        "records_spooled",
        "callrouter_records_spooled",
        "Each call record that went to the spool first counts one; it grows while the "
        "database is away.",
    ),
    (
        "records_replayed",
        "callrouter_records_replayed",
        "Each call record that came from the spool into the database counts one; it grows "
        "when the database is back.",
    ),
    (
        "records_rejected",
        "callrouter_records_rejected",
        "Each call record that the table does not take, or bad line of the spool, counts one "
        "and was set aside; the log says why.",
    ),
    (
        "records_lost",
        "callrouter_records_lost",
        "Each call record that neither database nor spool could take counts one and is gone; "
        "it should be 0 for ever.",
    ),
    (
        "calls_lost",
        "callrouter_calls_lost",
        "Each answered call that an earlier process lost when it was killed counts one once "
        "it is recorded; find out who killed it.",
    ),
    (
        "calls_unjournaled",
        "callrouter_calls_unjournaled",
        "Each answered call past the 50,000 that can wait for the disk counts one; a kill "
        "loses it.",
    ),
    (
        "journal_rejected",
        "callrouter_journal_rejected",
        "Each line of an earlier process's journal that cannot be read counts one and was set "
        "aside; a lost call may have no record.",
    ),
    *(
        (f"connections_{name}", f"callrouter_connections_{name}", text)
        for name, text in (
            (
                "over_limit",
                "Each connection refused because there were too many in all counts one; see "
                "connections.all.",
            ),
            (
                "over_source",
                "Each connection refused because its address had too many counts one; see "
                "connections.per_source.",
            ),
            (
                "handshake",
                "Each connection whose TLS handshake failed or took too long counts one; it "
                "grows when a certificate has run out.",
            ),
            (
                "silent",
                "Each connection dropped because no whole message came in time counts one; "
                "port scanners open such.",
            ),
            (
                "slow_writer",
                "Each connection dropped because a message took too long to come counts one: "
                "an attack, or a bad path.",
            ),
            (
                "slow_reader",
                "Each connection dropped because its peer did not read counts one; that peer "
                "hangs or is overloaded.",
            ),
            (
                "idle",
                "Each connection dropped because it showed no sign of life for too long "
                "counts one; a few are usual.",
            ),
            (
                "broken",
                "Each connection closed because its bytes were no messages, or one was too "
                "large, counts one; its peer speaks no SIP, or an attack is on.",
            ),
        )
    ),
    (
        "media_refused",
        "callrouter_media_refused",
        "Each reservation of media slots that no worker had free counts one; its call went on "
        "as the route says, so allow more workers.",
    ),
    (
        "media_unwritten",
        "callrouter_media_unwritten",
        "Each message or recording that a media worker could not write, or not whole, counts "
        "one; its folder is read-only, full or gone.",
    ),
    (
        "recordings_failed",
        "callrouter_recordings_failed",
        "Each call that was to be recorded from its answer on and was not counts one; it "
        "matters where recording is a duty.",
    ),
)
