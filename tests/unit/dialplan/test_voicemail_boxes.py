"""Voicemail boxes in a dialplan: what they mean, and what is no box."""

import pickle

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.route.rules.mailboxes import Box
from callrouter.yamlfile.reader import parse

HEAD = """
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
prompts: {away: {text: "We are away."}}
numbers: {"4000": {route: [{voicemail: sales}]}}
voicemail:
  sales: """
MAIL = "{to: a@example.com, from: v@example.org, server: mail.example.org"


def sales(text: str) -> Box:
    return compile_dialplan(parse(HEAD + text + "\n", "plan.yaml")).boxes["sales"]


def mistake(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        sales(text)
    (found,) = caught.value.diagnostics
    assert (found.file, found.line) == ("plan.yaml", 7)
    return found.message


def test_box_has_usual_limits() -> None:
    box = sales("{}")
    assert (box.name, box.greeting, box.beep) == ("sales", "voicemail_greeting", True)
    assert (box.max_seconds, box.min_seconds, box.silence_seconds) == (180.0, 2.0, 5.0)
    assert (box.keep_seconds, box.most_messages, box.most_bytes) == (2_592_000.0, 200, 5 * 10**8)
    assert (box.pin, box.mail, box.webhook) == (None, None, None)


def test_box_says_all_it_can() -> None:
    box = sales(
        "{greeting: away, beep: false, max: 5m, min: 0s, silence: 8s, pin_file: /etc/pin, "
        "keep: 90d, quota: {messages: 10, size: 20MB}, "
        "email: {to: [a@example.com, b@example.com], from: v@example.org, "
        "server: 'mail.example.org:2525', tls: none}, "
        "webhook: {url: 'https://crm.example.com/vm?x=1', secret_env: KEY}}"
    )
    assert (box.greeting, box.beep) == ("away", False)
    assert (box.max_seconds, box.min_seconds, box.silence_seconds) == (300.0, 0.0, 8.0)
    assert (box.keep_seconds, box.most_messages, box.most_bytes) == (7_776_000.0, 10, 2 * 10**7)
    assert box.pin is not None
    assert (box.pin.file, box.pin.env) == ("/etc/pin", "")
    mail = box.mail
    assert mail is not None
    assert (mail.to, mail.sender) == (("a@example.com", "b@example.com"), "v@example.org")
    assert (mail.host, mail.port, mail.tls, mail.user, mail.password) == (
        *("mail.example.org", 2525, "none", ""),
        None,
    )
    assert box.webhook is not None
    assert (box.webhook.url, box.webhook.secret.env) == ("https://crm.example.com/vm?x=1", "KEY")


@pytest.mark.parametrize(
    ("tls", "port"), [("", 587), (", tls: starttls", 587), (", tls: tls", 465), (", tls: none", 25)]
)
def test_port_is_that_of_the_encryption(tls: str, port: int) -> None:
    mail = sales(f"{{email: {MAIL}{tls}}}}}").mail
    assert mail is not None
    assert mail.port == port


def test_password_stays_where_it_is() -> None:
    mail = sales(f"{{email: {MAIL}, user: vm, password_env: MAIL_PASSWORD}}}}").mail
    assert mail is not None
    assert mail.password is not None
    assert (mail.user, mail.password.env) == ("vm", "MAIL_PASSWORD")


def test_box_goes_to_another_process() -> None:
    box = pickle.loads(pickle.dumps(sales(f"{{pin_env: PIN, email: {MAIL}}}}}")))
    assert box.mail.host == "mail.example.org"
    assert box.pin.env == "PIN"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{max: 31m}", "expected a time from 1s to 1800s, found '31m'"),
        ("{max: 2s, min: 2s}", "expected 'min' to be shorter than 'max'"),
        ("{keep: 30}", "expected days from 1d to 3650d, found '30'"),
        ("{pin: '1234'}", "unknown key 'pin'"),
        ("{pin_file: a, pin_env: B}", "expected one of 'pin_file' and 'pin_env'"),
        ("{pin_env: 'A B'}", "expected the name of an environment variable"),
        ("{greeting: awy}", "no prompt is named 'awy'; did you mean 'away'?"),
        ("{quota: {size: 5}}", "expected a size such as 500kB, 100MB or 2GB, found '5'"),
        ("{quota: {messages: 0}}", "expected a count of messages from 1 to 10000, found '0'"),
        (f"{{email: {MAIL}, user: vm}}}}", "expected 'user' and one of"),
        (f"{{email: {MAIL}, password_env: P}}}}", "expected 'user' and one of"),
        ("{email: {to: a b@c, from: a@b, server: m}}", "expected a mail address such as"),
        ("{email: {to: a@b, from: a@b, server: 'm:99999'}}", "expected a mail server such as"),
        ("{webhook: {url: 'https://x/'}}", "expected one of 'secret_file' and 'secret_env'"),
        ("{webhook: {url: 'ftp://x/', secret_env: K}}", "expected an address such as"),
        ("{webhook: {url: 'http://x:y/', secret_env: K}}", "expected an address such as"),
    ],
)
def test_what_is_no_box_is_said_at_its_line(text: str, message: str) -> None:
    assert message in mistake(text)


def test_password_in_a_url_is_refused_without_showing_it() -> None:
    found = mistake("{webhook: {url: 'https://bob:swordfish@x/', secret_env: K}}")
    assert "without user and password" in found
    assert "swordfish" not in found
