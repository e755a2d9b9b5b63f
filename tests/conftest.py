"""What every test may use. Shared parts are in tests/fakes: ``from fakes.deadline import eventually``."""

import signal

from hypothesis import settings

# Who is started in the background by a shell ignores Ctrl-C, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Time is the machine's affair here: pytest-timeout ends what hangs, and a busy machine is no failure.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
