"""Compiled dialplans built by hand: the engine's tests need no YAML."""

from callrouter.route import numbers
from callrouter.route.dialplan import Dialplan
from callrouter.route.plan import Hunt, Plan, Refusal, Target, Verdict
from callrouter.route.rules import Extension, Number, Trunk
from callrouter.route.sources import Network

FILE = "plan.yaml"


def hunt(name: str) -> Hunt:
    target = Target(name, f"sip:{name}@192.0.2.1", "192.0.2.1", 5060, "udp", 15.0, 5.0)
    return Hunt(name, (target,), 0.0, frozenset(), 0, frozenset())


def number(key: str, line: int = 10, reads_to: bool = False) -> Number:
    exact = key.removeprefix("+").isdigit()
    normal = numbers.normalise(key, "CN") if exact else ""
    step = Verdict(f"step 1 of number {key}", True, "", "no condition", FILE, line + 1)
    return Number(key, normal, Plan((hunt(key),), None), reads_to, (step,), FILE, line)


def dialplan(*keys: Number | str) -> Dialplan:
    """Trunks lab (127.0.0.0/8), far (VN, 10.0.0.0/8) and by_to (10.1.0.0/16, reads To:)."""
    lab = Trunk("lab", "CN", False, FILE, 3)
    far = Trunk("far", "VN", False, FILE, 4)
    by_to = Trunk("by_to", "CN", True, FILE, 5)
    networks = [
        Network("127.0.0.0/8", lab, 3),
        Network("::1/128", lab, 3),
        Network("10.0.0.0/8", far, 4),
        Network("10.1.0.0/16", by_to, 5),
    ]
    built = [key if isinstance(key, Number) else number(key) for key in keys]
    extensions = {"101": Extension("101", hunt("desk"), FILE, 7)}
    unknown = Refusal("unknown_number", 404, 1)
    return Dialplan("v1", FILE, "CN", [lab, far, by_to], networks, built, 9, extensions, unknown)
