"""The reference in docs/, made from the code: `make docs` writes it, a test says when it is stale.

A page is a module of :mod:`scripts.reference.pages` with ``PATH`` (below docs/) and ``render()``.
"""
