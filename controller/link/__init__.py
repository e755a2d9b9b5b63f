"""The agents' connections: one WebSocket per agent over mutual TLS."""

from controller.link.server import LinkServer, Listener
from controller.link.session import Session

__all__ = ["LinkServer", "Listener", "Session"]
