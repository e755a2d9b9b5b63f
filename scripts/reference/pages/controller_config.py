"""The controller's configuration."""

from controller.config import DEFAULT_PATH, Config
from scripts.reference.markdown import heading, paragraphs
from scripts.reference.structs import toml

PATH = "reference/controller-config.md"
INTRODUCTION = f"""
`{DEFAULT_PATH}` on the controller's machine, TOML, read when the controller starts. `mainstay controller config sample`
prints one with every field commented, `mainstay controller config check` says whether a file is right,
`mainstay controller config show` how it is understood. An unknown field is refused.
"""


def render() -> list[str]:
    return [*heading(1, "The controller's configuration"), *paragraphs(INTRODUCTION), *toml(Config)]
