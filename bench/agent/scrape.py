"""Asks for a page of metrics once a second, as Prometheus does: one connection, gzip."""

import http.client
import threading
import time

import msgspec

EVERY_S, TIMEOUT_S = 1.0, 5.0
HEADERS = {
    "User-Agent": "Prometheus/2.42.0",
    "Accept": "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding": "gzip",
}


class Scraped(msgspec.Struct):
    """``seconds``: how long each took. ``size``: bytes of the newest as they came."""

    seconds: list[float] = []
    failures: int = 0
    size: int = 0


class Scraper(threading.Thread):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(name="scraper", daemon=True)
        self.seen = Scraped()
        self._host, self._port = host, port
        self._over = threading.Event()
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            self._once()
            due = max(due + EVERY_S, time.monotonic())

    def end(self) -> Scraped:
        self._over.set()
        self.join()
        return self.seen

    def _once(self) -> None:
        began = time.monotonic()
        try:
            self.seen.size = len(self._ask())
            self.seen.seconds.append(time.monotonic() - began)
        except (OSError, http.client.HTTPException):
            self.seen.failures += 1
            self._connection = None

    def _ask(self) -> bytes:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        self._connection.request("GET", "/metrics", headers=HEADERS)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise http.client.HTTPException(f"status {answer.status}")
        return body
