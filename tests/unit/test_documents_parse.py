"""Documents keep what they promise: links lead somewhere, commands are commands, and each is run by a test.

Those for a cluster are run by tests/behaviour/test_documented_tour.py, those for machines by tests/machines.
"""

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from fakes import documented
from fakes.documented import DOCUMENTS, FENCE, ROOT, Command, Place

from agent import commands as agent
from cli import job_file, main
from controller import main as controller
from scripts.reference.markdown import anchor

LANGUAGES = {"", "console", "json", "mermaid", "python", "text", "toml", "yaml"}
TAGS = {*Place, "done", "endless", "exit", "file"}
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
INLINE = re.compile(r"`(mainstay(?:-agent)? [^`]+)`")
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
MACHINES = {"c0", "n1", "n2"}  # of tests/machines/test_documented_install.py
PROGRAMS = {"mainstay": main.app, "mainstay-agent": agent.app}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


COMMANDS = [command for document in DOCUMENTS for command in documented.commands(document)]


def words_of(command: Command) -> Iterator[list[str]]:
    """Of every program in a line of a shell, without redirections; what is substituted is some word."""
    line = re.sub(r"\$\([^)]*\)", "SUBSTITUTED", command.line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&>")
    lexer.whitespace_split = True
    words: list[str] = []
    for token in itertools.chain(lexer, ";"):
        if set(token) <= set("|;&"):
            yield from [words] if words else []
            words = []
        elif token == ">":
            next(lexer, None)
        else:
            words.append(token)


def using(program: str) -> list[tuple[str, list[str]]]:
    """Where, and the arguments, of every command of ``program`` in a document."""
    lines = [(str(command), words) for command in COMMANDS for words in words_of(command)]
    return [(where, words[1:]) for where, words in lines if words[0] == program]


def demo_options() -> list[tuple[str, list[str]]]:
    """What `make demo` is told to pass on."""
    words = [(where, word) for where, target in using("make") if "demo" in target for word in target]
    passed_on = [(where, word.removeprefix("ARGS=")) for where, word in words if word.startswith("ARGS=")]
    return [(where, ["demo", *shlex.split(options)]) for where, options in passed_on]


def handed_over(command: Any, name: str) -> Any | None:
    """What `mainstay controller` hands over to."""
    return typer.main.get_command(controller.app) if name == "controller" and "demo" in command.commands else None


def parse(command: Any, words: list[str]) -> None:
    """Parse ``words`` as the command line would, and run nothing."""
    context = command.make_context(command.name, list(words))
    if hasattr(command, "resolve_command"):
        name, subcommand, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        parse(handed_over(command, name) or subcommand, rest)


def named(command: Any, words: list[str]) -> None:
    """The subcommands that ``words`` begin with exist; the rest may be placeholders."""
    for word in words:
        commands = getattr(command, "commands", {})
        if not commands or not re.fullmatch(r"[a-z][a-z-]*", word):
            return
        assert word in commands, f"no command {word!r}; there are {', '.join(commands)}"
        command = handed_over(command, word) or commands[word]


def headings(document: Path) -> set[str]:
    return {anchor(title) for title in HEADING.findall(FENCE.sub("", document.read_text()))}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    text = FENCE.sub("", document.read_text())
    for link in LINK.findall(text):
        path, _, fragment = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not fragment or f"#{fragment}" in headings(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_a_block_says_what_it_is(document: Path) -> None:
    for block in documented.blocks(document):
        assert block.language in LANGUAGES, f"{block}: a terminal is ```console, see tests/fakes/documented.py"
        assert set(block.tags) <= TAGS, block


@pytest.mark.parametrize(("where", "words"), [*using("mainstay"), *demo_options()], ids=str)
def test_a_documented_command_exists(where: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    try:
        parse(typer.main.get_command(main.app), words)
    except typer.Exit:
        pass  # --help and --version end there
    except Exception as error:
        pytest.fail(f"{where}: {error!r}")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_a_command_named_in_passing_exists(document: Path) -> None:
    for text in INLINE.findall(FENCE.sub("", document.read_text())):
        program, *words = text.split()
        named(typer.main.get_command(PROGRAMS[program]), words)


def test_what_is_run_in_a_clone_is_a_make_target_or_a_script() -> None:
    first = {words[0] for command in COMMANDS if command.place is Place.CLONE for words in words_of(command)}
    assert first <= {"make", "export", ".venv/bin/python"}


def test_what_is_run_on_a_machine_says_on_which() -> None:
    on_machines = [command for command in COMMANDS if command.place is Place.MACHINE and not command.done]
    assert {command.machine for command in on_machines} <= MACHINES


@pytest.mark.parametrize(("where", "words"), using("make"), ids=str)
def test_a_documented_make_target_exists(where: str, words: list[str]) -> None:
    targets = [word for word in words if "=" not in word and not word.startswith("-")]
    assert set(targets) <= set(TARGET.findall((ROOT / "Makefile").read_text())), where


JOB_FILES = [
    block
    for document in DOCUMENTS
    for block in documented.blocks(document)
    if "script =" in block.text and block.language == "toml"
]


@pytest.mark.parametrize("block", JOB_FILES, ids=str)
def test_a_documented_job_file_is_one(block: documented.Block, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(block.text)

    assert job_file.read(tmp_path / "job.toml").name


class TestTheExtractor:
    def commands(self, tmp_path: Path, text: str) -> list[Command]:
        (tmp_path / "page.md").write_text(text)
        return documented.commands(tmp_path / "page.md")

    def test_a_prompt_begins_a_command_and_the_rest_is_seen(self, tmp_path: Path) -> None:
        [first, second] = self.commands(tmp_path, "```console\n$ a \\\n>   b\nseen\n\n$ c\n```\n")

        assert (first.line, first.seen, first.place) == ("a b", ["seen", ""], Place.CLUSTER)
        assert (second.line, second.seen) == ("c", [])

    def test_tags_say_where_and_how(self, tmp_path: Path) -> None:
        [command] = self.commands(tmp_path, "text\n\n```console machine=n1 exit=4 endless\n# a\n```\n")

        assert (command.place, command.machine, command.exit_status, command.endless) == (Place.MACHINE, "n1", 4, True)
        assert command.block.line == 3

    def test_what_is_no_command_cannot_come_first(self, tmp_path: Path) -> None:
        with pytest.raises(AssertionError, match="no command"):
            self.commands(tmp_path, "```console\nseen\n```\n")

    @pytest.mark.parametrize(
        ("shown", "seen"),
        [
            ([], ["anything"]),
            (["job  lm-1 at step 10"], ["job lm-22    at step 123456"]),
            (["a ... z"], ["a b c z"]),
            (["a", "...", "z"], ["a", "b", "c", "z"]),
            (["a", "..."], ["a"]),
        ],
    )
    def test_the_same_shape(self, shown: list[str], seen: list[str]) -> None:
        assert documented.difference(shown, seen) is None

    @pytest.mark.parametrize(
        ("shown", "seen"),
        [
            (["a"], []),
            (["a"], ["b"]),
            (["a"], ["a", "b"]),
            (["a", "c"], ["a", "b", "c"]),
            (["step 1"], ["step one"]),
        ],
    )
    def test_another_shape(self, shown: list[str], seen: list[str]) -> None:
        assert documented.difference(shown, seen) is not None
