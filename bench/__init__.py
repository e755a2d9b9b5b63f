"""What is measured: each room a bench of its own, run as `python -m bench.ROOM`; the last line is JSON."""
