"""What a training script may import. Standard library only, Python 3.8 and later.

    import mainstay
    mainstay.report(step=step, loss=loss)

Outside Mainstay, everything here does nothing.
"""

from mainstay._report import report

__all__ = ["report"]
