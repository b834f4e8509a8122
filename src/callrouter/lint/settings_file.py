"""Settings that can be read and are odd."""

from callrouter.errors import Diagnostic
from callrouter.lint.findings import Findings
from callrouter.settings.settings_file import Settings
from callrouter.yamlfile.reader import Document

_EVERYWHERE = frozenset(("0.0.0.0", "::"))


def check_settings(document: Document, settings: Settings) -> list[Diagnostic]:
    """Return warnings of listeners that are there twice, and of metrics that everybody reads."""
    found = Findings(document)
    places = [(one.transport, one.host, one.port) for one in settings.listen]
    for index, place in enumerate(places):
        if place in places[:index]:
            first = places.index(place) + 1
            message = f"the listener is there already: it is number {first} of the list"
            found.at_value(("listen", index), message)
    metrics = settings.metrics
    if metrics is not None and metrics.host in _EVERYWHERE:
        message = (
            "whoever reaches this machine reads the metrics, which name trunks and gateways: "
            f"expected one address, such as 127.0.0.1:{metrics.port}"
        )
        found.at_value(("metrics",), message)
    return found.warnings()
