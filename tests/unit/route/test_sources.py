import pytest
from rulebook import dialplan

from callrouter.route.rules.number_rules import Trunk
from callrouter.route.rules.trunk_identification import Network, SourceIndex


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("127.9.9.9", "lab"),
        ("::1", "lab"),
        ("::ffff:127.0.0.1", "lab"),
        ("10.9.0.1", "far"),
        ("10.1.2.3", "by_to"),
    ],
)
def test_source_belongs_to_the_trunk_of_the_longest_prefix(source: str, name: str) -> None:
    plan = dialplan()
    for _ in range(2):  # found, then remembered
        trunk = plan.trunk_of(source)
        assert trunk is not None
        assert trunk.name == name


@pytest.mark.parametrize("source", ["192.0.2.1", "::2", "", "not an address", "::ffff:192.0.2.1"])
def test_stranger_belongs_to_no_trunk(source: str) -> None:
    plan = dialplan()
    assert plan.trunk_of(source) is None
    assert plan.trunk_of(source) is None


def test_flood_of_sources_keeps_the_answers_right() -> None:
    index = SourceIndex(
        [
            Network(
                cidr="10.0.0.0/8",
                trunk=Trunk(name="a", country="CN", called_is_to=False, file="f", line=1),
                line=1,
            )
        ]
    )
    for count in range(10000):
        assert index.find(f"11.0.{count >> 8}.{count & 255}") is None
    origin = index.find("10.0.0.1")
    assert origin is not None
    assert origin.trunk.name == "a"
    assert origin.verdict.value == "10.0.0.1"


def test_network_of_all_addresses_takes_what_no_other_has() -> None:
    everyone = Trunk(name="everyone", country="CN", called_is_to=False, file="f", line=1)
    index = SourceIndex(
        [
            Network(cidr="0.0.0.0/0", trunk=everyone, line=1),
            Network(cidr="::/0", trunk=everyone, line=2),
        ]
    )
    for source, line in (("8.8.8.8", 1), ("2001:db8::1", 2)):
        origin = index.find(source)
        assert origin is not None
        assert origin.verdict.line == line
