"""The controller: remembers, decides and orders."""

__version__ = "0.1.0"
