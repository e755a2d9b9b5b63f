"""What every test may use. Shared parts are in tests/fakes: ``from fakes.deadline import eventually``."""

from hypothesis import settings

# Time is the machine's affair here: pytest-timeout ends what hangs, and a busy machine is no failure.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
