"""Is a playbook right? Each problem with its place in the file, as far as that can be told."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from remediations.actions import in_playbooks
from remediations.playbook import Playbook
from wire.api import PlaybookProblem
from wire.validation import describe

_FIELD = re.compile(r"^(?:a name in )?(?P<field>[\w.\[\]-]+): ", re.ASCII)


def check(text: str) -> tuple[Playbook | None, list[PlaybookProblem]]:
    """The playbook, or what is wrong with it. Nothing in ``text`` is carried out."""
    try:
        document = _compose(text)
    except yaml.YAMLError as error:
        return None, [_syntax(error)]
    repeated = list(_repeated(document, ""))
    if repeated:
        return None, repeated
    try:
        playbook = msgspec.yaml.decode(text, type=Playbook)
    except msgspec.ValidationError as error:
        return None, [_at(document, describe(error))]
    unknown = [_unknown_action(document, index, step.action) for index, step in enumerate(playbook.steps)]
    problems = [problem for problem in unknown if problem is not None]
    return (None, problems) if problems else (playbook, [])


def _compose(text: str) -> yaml.Node | None:
    """Raises YAMLError. Aliases are refused: a few lines of them can stand for gigabytes."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="an alias; write it out", problem_mark=event.start_mark)  # type: ignore[arg-type]
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _syntax(error: yaml.YAMLError) -> PlaybookProblem:
    if not isinstance(error, yaml.MarkedYAMLError):
        return PlaybookProblem(0, 0, "", f"not YAML: {' '.join(str(error).split())}")
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
    return PlaybookProblem(line, column, "", f"not YAML: {error.problem or error.context}")


def _repeated(node: yaml.Node | None, path: str) -> Iterator[PlaybookProblem]:
    """YAML itself says nothing about a name that is there twice; the first would be lost."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated(item, f"{path}[{index}]")
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[Any] = set()
    for key, value in node.value:
        field = f"{path}.{key.value}".removeprefix(".")
        if key.value in seen:
            yield _problem(key, field, f"{field}: is there twice; remove one")
        seen.add(key.value)
        yield from _repeated(value, field)


def _unknown_action(document: yaml.Node | None, index: int, action: str) -> PlaybookProblem | None:
    if action in in_playbooks():
        return None
    known = ", ".join(in_playbooks())
    return _at(document, f"steps[{index}].action: no action {action!r}; there are {known}")


def _at(document: yaml.Node | None, message: str) -> PlaybookProblem:
    """The place of the field that ``message`` begins with; of a field that is missing, where it belongs."""
    match = _FIELD.match(message)
    field = match["field"] if match else ""
    return _problem(_find(document, re.findall(r"[^.\[\]]+", field)), field, message)


def _problem(node: yaml.Node | None, field: str, message: str) -> PlaybookProblem:
    if node is None:
        return PlaybookProblem(1, 1, field, message)
    return PlaybookProblem(node.start_mark.line + 1, node.start_mark.column + 1, field, message)


def _find(node: yaml.Node | None, path: list[str]) -> yaml.Node | None:
    """The node at the path, or the last one on the way there."""
    if not path:
        return node
    if isinstance(node, yaml.MappingNode):
        found = next((value for key, value in node.value if key.value == path[0]), None)
    elif isinstance(node, yaml.SequenceNode) and path[0].isdigit() and int(path[0]) < len(node.value):
        found = node.value[int(path[0])]
    else:
        found = None
    return node if found is None else _find(found, path[1:])
