"""Documents keep what they promise: links lead somewhere, commands are commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli import job_file, main

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(document: Path, language: str) -> list[str]:
    return [fence["body"] for fence in FENCE.finditer(document.read_text()) if fence["language"] == language]


def shell_lines(document: Path) -> Iterator[str]:
    """Each command of the document's ``sh`` blocks; a trailing backslash joins lines."""
    for block in blocks(document, "sh"):
        yield from (line for line in block.replace("\\\n", " ").splitlines() if line.strip())


def commands(program: str) -> list[tuple[str, list[str]]]:
    """Document and arguments of every command line that starts with ``program``."""
    found = ((document, shlex.split(line, comments=True)) for document in DOCUMENTS for line in shell_lines(document))
    return [(name_of(document), words[1:]) for document, words in found if words[:1] == [program]]


def demo_options() -> list[tuple[str, list[str]]]:
    """What `make demo` is told to pass on."""
    words = [(document, word) for document, target in commands("make") if "demo" in target for word in target]
    passed_on = [(document, word.removeprefix("ARGS=")) for document, word in words if word.startswith("ARGS=")]
    return [(document, ["demo", *shlex.split(options)]) for document, options in passed_on]


def parse(command: Any, words: list[str]) -> None:
    """Parse ``words`` as the command line would, and run nothing."""
    context = command.make_context(command.name, list(words))
    if hasattr(command, "resolve_command"):
        _, subcommand, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        parse(subcommand, rest)


def command_line() -> Any:
    return typer.main.get_command(main.app)


JOB_FILES = [
    (name_of(document), text) for document in DOCUMENTS for text in blocks(document, "toml") if "script =" in text
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    text = FENCE.sub("", document.read_text())
    assert [link for link in LINK.findall(text) if not (document.parent / link).exists()] == []


@pytest.mark.parametrize(("document", "words"), [*commands("mainstay"), *demo_options()], ids=str)
def test_a_documented_command_exists(document: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    try:
        parse(command_line(), words)
    except typer.Exit:
        pass  # --help and --version end there
    except Exception as error:
        pytest.fail(f"{document}: mainstay {shlex.join(words)}: {error!r}")


@pytest.mark.parametrize(("document", "words"), commands("make"), ids=str)
def test_a_documented_make_target_exists(document: str, words: list[str]) -> None:
    targets = [word for word in words if "=" not in word and not word.startswith("-")]
    assert set(targets) <= set(TARGET.findall((ROOT / "Makefile").read_text())), document


@pytest.mark.parametrize(("document", "text"), JOB_FILES, ids=lambda value: value.splitlines()[0])
def test_a_documented_job_file_is_one(document: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(text)

    assert job_file.read(tmp_path / "job.toml").name
