import asyncio
from collections.abc import Awaitable, Callable

import pytest
from fakes.played_api import Api, Play
from fakes.played_api import play as play_scene

from controller.state.store import Store
from controller.trust import Trust


@pytest.fixture
def with_api(store: Store, trust: Trust, make_csr: Callable[[str], str]) -> Play:
    def play(scene: Callable[[Api], Awaitable[None]]) -> None:
        asyncio.run(play_scene(scene, store, trust, make_csr))

    return play
