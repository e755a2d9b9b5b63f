"""The HTTP API, from the OpenAPI that the controller itself serves."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from controller.api import app, errors
from controller.clock import SystemClock
from scripts.reference.kinds import Struct, within
from scripts.reference.markdown import anchor, code, heading, paragraphs, prose, table
from scripts.reference.structs import about, answered, fields
from wire import api, specs

PATH = "reference/api.md"
INTRODUCTION = f"""
HTTPS at `api.listen` of [the controller's configuration](controller-config.md). Every call but those marked public
wants a token: `Authorization: Bearer TOKEN`, made by `mainstay token create`. Bodies and answers are JSON; points in
time are RFC 3339 with their zone; a body of more than {app.MAX_BODY_BYTES // 1024} KiB is refused. The controller
serves the same as OpenAPI at `/v1/openapi.json`.
"""
ERRORS = """
Every error is an [ErrorResponse](#errorresponse): one line for a person, and a fixed word. What a rule refuses has the
rule's own word: [reasons](../reasons.md).
"""
VERBS = ("get", "post", "put", "delete")
Schema = Mapping[str, Any]


def render() -> list[str]:
    nothing = cast(Any, None)  # no call is made
    schema = app.create_app(nothing, nothing, nothing, SystemClock(), "").openapi_schema.to_schema()
    operations = list(_operations(schema["paths"]))
    rows = [
        (f"[`{verb.upper()} {path}`]({anchor(f'{verb.upper()} {path}')})", _summary(what))
        for verb, path, what in operations
    ]
    lines = [*heading(1, "The HTTP API"), *paragraphs(INTRODUCTION), *table(("call", "what it gives"), rows)]
    lines += [*heading(2, "Errors"), *paragraphs(ERRORS), *table(("status", "word"), _statuses())]
    for verb, path, operation in operations:
        lines += _operation(verb, path, operation)
    for struct, taken in _types(operations).items():
        lines += [*heading(2, struct.__name__), *about(struct), *(fields(struct) if taken else answered(struct))]
    return lines


def _operations(paths: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, item in paths.items():
        for verb in VERBS:
            if verb in item:
                yield verb, path, item[verb]


def _operation(verb: str, path: str, operation: Schema) -> list[str]:
    taken, given = _taken(operation), _answer(operation)
    public = "" if operation.get("security") != [{}] else "Public. "
    return [
        *heading(2, f"{verb.upper()} {path}"),
        *paragraphs(operation.get("description", "")),
        *table(("parameter", "in", "type", "default"), map(_parameter, operation.get("parameters", []))),
        *paragraphs(f"{public}{f'Takes {taken}. ' if taken else ''}Gives {given}."),
    ]


def _parameter(found: Schema) -> tuple[str, str, str, str]:
    default = found["schema"].get("default")
    shown = "required" if found["required"] else "" if default is None else code(str(default).lower())
    return code(found["name"]), found["in"], _words(found["schema"]), shown


def _words(schema: Schema) -> str:
    """A JSON schema as a person says it."""
    if reference := schema.get("$ref"):
        return _named(str(reference))
    if one_of := schema.get("oneOf"):
        return " or ".join(_words({**schema, **each, "oneOf": None}) for each in one_of if each != {"type": "null"})
    if schema.get("type") == "array":
        return f"list, each {_words(schema['items'])}"
    noun = {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(schema.get("type", ""), "")
    bounds = (("at least", schema.get("minimum")), ("at most", schema.get("maximum")))
    return " ".join(
        [noun or str(schema.get("type", "any value")), ", ".join(f"{w} {b:.0f}" for w, b in bounds if b is not None)]
    ).strip()


def _named(reference: str) -> str:
    """A link to a type's section; an enum's own words."""
    name = reference.rpartition("/")[2]
    kind = _known().get(name)
    return f"[{name}]({anchor(name)})" if kind else " or ".join(code(each) for each in getattr(_holder(name), name))


def _holder(name: str) -> Any:
    from controller.api import operations

    return next(module for module in (api, operations) if hasattr(module, name))


def _taken(operation: Schema) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return _words(body) if body else ""


def _answer(operation: Schema) -> str:
    success = next(found for status, found in operation["responses"].items() if status.startswith("2"))
    kind, content = next(iter(success.get("content", {"": {"schema": {}}}).items()))
    return _words(content["schema"]) if kind == "application/json" else f"{kind}"


def _summary(operation: Schema) -> str:
    return prose(operation.get("description", "").split("\n\n")[0])


def _statuses() -> list[tuple[str, str]]:
    return [(f"{int(status)} {status.phrase}", code(kind.reason)) for kind, status in errors.STATUS.items()]


def _known() -> dict[str, Struct]:
    modules = (api, specs)
    found = [kind for module in modules for kind in vars(module).values() if isinstance(kind, type)]
    return {kind.__name__: kind for kind in found if hasattr(kind, "__struct_fields__")}


def _types(operations: list[tuple[str, str, Schema]]) -> dict[Struct, bool]:
    """Every type that a call takes or gives, with what leads from there; True where it is taken."""
    found: dict[Struct, bool] = {}
    for words, taken in ((_taken, True), (_answer, False)):
        for _, _, operation in operations:
            for name, kind in _known().items():
                if f"[{name}]" in words(operation):
                    found = {**dict.fromkeys(within(kind), taken), **found}
    return {**found, api.ErrorResponse: False}
