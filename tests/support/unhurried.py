"""Examples that hypothesis makes may take as long as the machine lets them: no test is timed.

Whoever imports this has all tests that are imported afterwards go by it. There are few examples, so
that a developer does not wait for them; `--hypothesis-profile many` makes many, as the gate does.
"""

from typing import Final

from hypothesis import HealthCheck, settings

MANY: Final = 100

settings.register_profile(
    "unhurried",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=MANY // 10,
)
settings.register_profile("many", settings.get_profile("unhurried"), max_examples=MANY)
settings.load_profile("unhurried")
