"""What the probes of storage services share: a question to each server, aside and with a deadline, and what came of it.

No sensor itself: it has no options of its own.
"""
