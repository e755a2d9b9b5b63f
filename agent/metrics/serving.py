"""Shows the page, if it is wanted. Libraries of the page are imported then: who is not scraped goes without them."""

import asyncio

from agent.metrics.options import Exposure
from agent.metrics.shown import Shown


async def serve(exposure: Exposure, shown: Shown) -> None:
    """For ever. What keeps it from listening is told once and tried again: the agent goes on without its page."""
    if exposure.listen is None:
        await asyncio.Event().wait()
        return
    from agent.metrics.listening import listen
    from agent.metrics.page import Page

    await listen(exposure, Page(shown.sensors, shown.newest, shown.own))
