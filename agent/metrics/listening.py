"""Listens for who reads the page, for ever."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable

from agent.metrics.http import LARGEST, PageServer
from agent.metrics.options import Exposure
from agent.metrics.page import Page
from wire.names import split_host_port

log = logging.getLogger(__name__)

AGAIN_S = 30.0  # after what kept it from listening
HANDSHAKE_S = 10.0


async def listen(exposure: Exposure, page: Page, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    told = ""
    while True:
        try:
            await _serve(exposure, page)
        except OSError as error:  # ssl.SSLError is one too
            if (text := f"metrics.listen {exposure.listen}: {error.strerror or error}; trying again") != told:
                log.error("%s", text)
                told = text
        await sleep(AGAIN_S)


async def _serve(exposure: Exposure, page: Page) -> None:
    assert exposure.listen is not None
    host, port = split_host_port(exposure.listen)
    context = server_context(exposure)
    handshake_s = None if context is None else HANDSHAKE_S
    serving = PageServer(page.text)
    server = await asyncio.start_server(
        serving, host, port, limit=LARGEST, ssl=context, ssl_handshake_timeout=handshake_s
    )
    log.info("metrics are shown on %s://%s/metrics", "https" if context else "http", exposure.listen)
    async with server:
        await server.serve_forever()


def server_context(exposure: Exposure) -> ssl.SSLContext | None:
    """Mutual TLS 1.3; None on loopback without it. Raises OSError that names the file."""
    if exposure.certificate is None or exposure.client_ca is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    _load(exposure.certificate, lambda: context.load_cert_chain(exposure.certificate or "", exposure.key))
    _load(exposure.client_ca, lambda: context.load_verify_locations(exposure.client_ca))
    return context


def _load(path: str, load: Callable[[], None]) -> None:
    try:
        load()
    except OSError as error:
        raise OSError(f"{path}: {error.strerror or error}") from None
