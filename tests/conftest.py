"""What all tests share."""

from hypothesis import HealthCheck, settings

# The same examples every time, and no failure because a machine is busy.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
