"""What the documentation says of names is what the code has."""

import re
from pathlib import Path

import pytest

import app
from bot.settings import EXAMPLES
from sandbox.faults import KINDS
from sync.errors import ErrorType

DOCS = Path(__file__).parent.parent / "docs"
README = (DOCS.parent / "README.md").read_text(encoding="utf-8")
ERRORS = (DOCS.parent / "templates" / "_errors.xml").read_text(encoding="utf-8")


def _commands() -> list[str]:
    return [
        info.name or str(info.callback.__name__)
        for info in app.cli.registered_commands
        if info.callback
    ]


@pytest.mark.parametrize("setting", sorted(EXAMPLES))
def test_every_setting_is_documented(setting: str) -> None:
    """Each setting that the code reads stands in the reference."""
    assert f"`{setting}`" in (DOCS / "settings.md").read_text(encoding="utf-8")


def test_no_setting_is_invented() -> None:
    """The reference names no setting that the code does not read."""
    named = re.findall(
        r"^\| `([A-Z_]+)`", (DOCS / "settings.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(named) == set(EXAMPLES)


@pytest.mark.parametrize("command", sorted(_commands()))
def test_every_command_is_documented(command: str) -> None:
    """Each command of the terminal stands in its reference."""
    assert f"| `{command}" in (DOCS / "commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("fault", sorted(KINDS))
def test_every_fault_is_documented(fault: str) -> None:
    """Each fault of the stand-ins stands in the sandbox's page."""
    assert f"`{fault}`" in (DOCS / "sandbox.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("error_type", sorted(set(ErrorType) - {ErrorType.UNKNOWN}))
def test_every_error_type_has_words(error_type: ErrorType) -> None:
    """Each error type has a name, a meaning and an action; `unknown` takes what is left."""
    assert ERRORS.count(f'"{error_type.value}"') >= 3


def test_the_readme_names_only_what_there_is() -> None:
    """Every file that the README links to exists."""
    linked = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert linked
    assert [name for name in linked if not (DOCS.parent / name).exists()] == []
