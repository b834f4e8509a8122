"""Examples that hypothesis makes may take as long as the machine lets them: no test is timed.

Whoever imports this has all tests that are imported afterwards go by it.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
