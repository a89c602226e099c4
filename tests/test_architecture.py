"""The floor plan holds: few rooms, imports one way, no circles, a test file a module."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import untested

REPOSITORY = Path(__file__).resolve().parents[1]
# Who may import whom: a room only those of lower floors, or of its own.
FLOORS = (
    ("utils",),
    ("data", "optimizers", "distribution"),
    ("models",),
    ("methods", "teachers"),
    ("evaluation", "config"),
    ("distillation", "configs"),
    ("training",),
    ("run", "export"),
    ("commands",),
)
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
# The front door loads its names on first use, and so may know every room.
DOORS = {"keras_kd", "keras_kd.train"}


def sources():
    """Module name -> path of every file of the package, the two outer rooms included."""
    found = {}
    for folder, name in (("keras_kd", "keras_kd"), ("export", "keras_kd.export"),
                         ("configs", "keras_kd.configs")):  # fmt: skip
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            parts = path.relative_to(REPOSITORY / folder).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            found[".".join([name, *parts])] = path
    return found


SOURCES = sources()


def imports(path):
    """Modules of the package that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in SOURCES}
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found |= {n for n in (name if name in SOURCES else node.module,) if n in SOURCES}
    return found - {"keras_kd"}


IMPORTS = {name: imports(path) for name, path in SOURCES.items()}


def room(module):
    return module.split(".")[1]


def circle(graph):
    """A list of nodes that import one another in turn, or None."""
    done = set()

    def visit(node, trail):
        if node in trail:
            return trail[trail.index(node) :] + [node]
        if node in done:
            return None
        for after in sorted(graph.get(node, ())):
            if found := visit(after, [*trail, node]):
                return found
        done.add(node)
        return None

    return next((found for node in sorted(graph) if (found := visit(node, []))), None)


def test_few_rooms():
    entries = {path.name for path in (REPOSITORY / "keras_kd").iterdir()} - {"__pycache__"}
    assert len(entries) <= 15, sorted(entries)
    assert {entry for entry in entries if "." not in entry} <= set(FLOOR)


@pytest.mark.parametrize("module", sorted(set(SOURCES) - DOORS))
def test_arrows_point_down(module):
    upward = [m for m in IMPORTS[module] if FLOOR[room(m)] > FLOOR[room(module)]]
    assert not upward, f"{module} imports {sorted(upward)}"


def test_no_circle_of_modules():
    assert circle({m: found for m, found in IMPORTS.items() if m not in DOORS}) is None


def test_no_circle_of_rooms():
    rooms = {}
    for module in set(SOURCES) - DOORS:
        rooms.setdefault(room(module), set()).update(map(room, IMPORTS[module]))
    assert circle({name: found - {name} for name, found in rooms.items()}) is None


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


@pytest.mark.parametrize("package", ["keras_kd", "keras_kd.config", "keras_kd.distribution",
                                     "keras_kd.configs.digits"])  # fmt: skip
def test_some_rooms_do_without_tensorflow(package):
    code = f"import sys, {package}; print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.split() == ["False", "False"], found.stderr


def test_only_commands_parse_flags():
    words = ("absl", "config_flags", "argparse")
    for module, path in SOURCES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        names |= {
            f"{n.module}.{a.name}"
            for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names
        }  # fmt: skip
        parses = any(word in name.split(".") for name in names for word in words)
        assert not parses or room(module + ".") == "commands", module


def without_test_file():
    """Modules `room/name.py` that no `tests/room/test_name.py` belongs to."""
    found = set()
    for folder, start in (("keras_kd", REPOSITORY / "keras_kd"), ("export", REPOSITORY)):
        for path in (REPOSITORY / folder).rglob("*.py"):
            module = path.relative_to(start)
            test = REPOSITORY / "tests" / module.with_name(f"test_{module.name}")
            if not module.stem.startswith("__") and not test.exists():
                found.add(module.as_posix())
    return found


def test_every_module_has_its_test_file():
    """Or a reason. An entry whose test file has come must go."""
    found = without_test_file()
    assert found - set(untested.REASONS) == set(), "give it a test file, or a reason"
    assert set(untested.REASONS) - found == set(), "it has a test file, or is gone"
    assert all(untested.REASONS.values())
