"""The house stands as designed: imports point one way, each library has one door, parts are small.

The code itself is read, not run: the rules hold for what is there, not for what a test reaches.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("app.py", "bot", "demo", "handlers", "sandbox", "sync")
LINES_OF_A_FUNCTION = 40
LINES_OF_A_MODULE = 400
MEANT = 3
"""Words at least: a code, a dash or a comment mark, a reason."""

MAY_IMPORT = {
    "app": {"app", "bot", "demo", "handlers", "sync"},
    "demo": {"bot", "demo", "handlers", "sync"},
    "handlers": {"bot", "handlers", "sync"},
    "bot": {"bot", "sync"},
    "sync": {"sync"},
    "sandbox": {"sandbox"},
}
"""`sandbox` is spoken to over HTTP alone; it is a program of its own, with doors of its own."""

DOORS = {
    "sqlalchemy": ("sync/store/", "sync/migrations/"),
    "alembic": ("sync/store/", "sync/migrations/"),
    "httpx": ("sync/connectors/transport.py", "sync/connectors/oauth.py", "demo/"),
    "authlib": ("sync/connectors/oauth.py",),
    "jinja2": ("bot/render.py",),
    "babel": ("bot/render.py",),
    "apscheduler": ("bot/schedule.py",),
    "slack_bolt": ("bot/", "handlers/"),
    "slack_sdk": ("bot/", "handlers/actions.py", "handlers/telling.py"),  # Bolt hands it on
    "starlette": ("bot/",),
    "uvicorn": ("bot/web.py",),
    "typer": ("app.py",),
    "procrastinate": ("sync/handout.py",),
    "rapidfuzz": ("sync/nearness.py",),
    "rich": ("handlers/terminal.py", "demo/visit.py"),
    "cryptography": ("sync/store/connections.py", "bot/settings.py"),
}

CATCHES_ALL = {"bot/loop.py", "sync/lanes.py"}
"""Where a bug must not end a loop: once for the surface's loops, once for the engine's."""

CONNECTORS = {"daftra", "hubspot", "quickbooks", "salla"}
SHARED_BY_CONNECTORS = {
    "base",
    "emails",
    "fields",
    "limits",
    "oauth",
    "outcome",
    "registry",
    "spec",
    "transport",
    "webhooks",
}


def modules() -> list[Path]:
    """Return every module of the house, tests left out."""
    found = [ROOT / part for part in PARTS if part.endswith(".py")]
    for part in PARTS:
        found += sorted((ROOT / part).rglob("*.py"))
    return [path for path in found if path.exists()]


def name_of(path: Path) -> str:
    """Return a module's path as people write it."""
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    """Return the module as a tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything a module imports, wherever it does."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def offenders(rule: Callable[[Path], object]) -> dict[str, object]:
    """Return, by module, what `rule` finds wrong; nothing wrong is an empty answer."""
    found = {name_of(path): rule(path) for path in modules()}
    return {name: wrong for name, wrong in found.items() if wrong}


def test_there_is_a_house_to_look_at() -> None:
    """The rules below are about modules that exist."""
    parts = {name_of(path).split("/")[0].removesuffix(".py") for path in modules()}
    assert parts == set(MAY_IMPORT)


def test_imports_point_one_way() -> None:
    """A part imports only what stands below it: app, handlers, bot, sync; the sandbox nothing."""

    def upwards(path: Path) -> set[str]:
        part = name_of(path).split("/")[0].removesuffix(".py")
        ours = {name.split(".")[0] for name in imports_of(path)} & {*MAY_IMPORT, "tests"}
        return ours - MAY_IMPORT[part]

    assert offenders(upwards) == {}


def test_each_library_has_one_door() -> None:
    """A library is imported where its door is, so that replacing it is one place's work."""

    def astray(path: Path) -> set[str]:
        name = name_of(path)
        if name.startswith("sandbox/"):
            return set()
        used = {imported.split(".")[0] for imported in imports_of(path)} & set(DOORS)
        return {library for library in used if not name.startswith(DOORS[library])}

    assert offenders(astray) == {}


@pytest.mark.parametrize("system", sorted(CONNECTORS))
def test_connectors_do_not_know_each_other(system: str) -> None:
    """What one system needs stands in its own modules, beside the shared ones."""
    folder = ROOT / "sync" / "connectors"
    mine = [path for path in folder.glob("*.py") if path.stem.split("_")[0] == system]
    assert mine
    for path in mine:
        for imported in imports_of(path):
            if imported.startswith("sync.connectors."):
                module = imported.split(".")[2]
                assert module in SHARED_BY_CONNECTORS or module.split("_")[0] == system


def test_every_connector_module_is_accounted_for() -> None:
    """A new system's modules are added to the rule above, not forgotten by it."""
    stems = {path.stem for path in (ROOT / "sync" / "connectors").glob("*.py")} - {"__init__"}
    assert {stem for stem in stems if stem.split("_")[0] not in CONNECTORS} <= SHARED_BY_CONNECTORS


def test_functions_are_short() -> None:
    """A function fits on a screen."""

    def long(path: Path) -> list[str]:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        functions = [node for node in ast.walk(tree_of(path)) if isinstance(node, kinds)]
        return [
            node.name
            for node in functions
            if (node.end_lineno or 0) - node.lineno + 1 > LINES_OF_A_FUNCTION
        ]

    assert offenders(long) == {}


def test_modules_are_short() -> None:
    """A module is about one thing; a migration is a list of tables and is left out."""

    def long(path: Path) -> bool:
        lines = path.read_text(encoding="utf-8").splitlines()
        return "migrations/versions" not in name_of(path) and len(lines) > LINES_OF_A_MODULE

    assert offenders(long) == {}


def test_nothing_swallows_every_error() -> None:
    """Only the two loops catch whatever comes, once each."""

    def broad(path: Path) -> list[str]:
        caught = [
            ast.unparse(node.type) if node.type else "everything"
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.ExceptHandler)
        ]
        broad = [what for what in caught if what in {"Exception", "BaseException", "everything"}]
        return broad[int(name_of(path) in CATCHES_ALL) :]

    assert offenders(broad) == {}


def test_nothing_is_left_to_do() -> None:
    """No mark of unfinished work stays in the code."""

    def marks(path: Path) -> list[str]:
        text = path.read_text(encoding="utf-8")
        return [mark for mark in ("TODO", "FIXME", "NotImplementedError") if mark in text]

    assert offenders(marks) == {}


def test_silenced_checks_say_why() -> None:
    """Whatever turns a check off for a line names the check and the reason."""

    def silent(path: Path) -> list[str]:
        lines = path.read_text(encoding="utf-8").splitlines()
        silenced = re.compile(r"# (?:noqa|type: ignore)(?P<why>.*)")
        said = [found["why"] for line in lines if (found := silenced.search(line))]
        return [why for why in said if why[:1] not in {":", "["} or len(why.split()) < MEANT]

    assert offenders(silent) == {}
