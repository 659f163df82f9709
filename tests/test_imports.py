"""Who may import whom (docs/architecture.md), in all modules of all rooms."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import videxplain

PACKAGE = Path(videxplain.__file__).parent
GROUND = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
"""The modules that lie beside the rooms: small, one thing each, used by all."""

JOINED = {"data", "viz", "models", "attribution", "explanation"}
ROOMS = {
    "data": set(),
    "viz": set(),
    "metrics": set(),
    "actionfigures": {"data", "viz"},
    "models": set(),
    "attribution": set(),
    "explanation": JOINED | {"metrics"},
    "evaluation": JOINED | {"metrics", "actionfigures"},
    "train": JOINED | {"metrics", "actionfigures", "evaluation"},
    "benchmark": JOINED | {"metrics", "actionfigures", "evaluation"},
    "runs": JOINED,
    "audit": JOINED | {"metrics", "actionfigures", "evaluation", "runs"},
    "concepts": JOINED | {"metrics", "actionfigures", "evaluation", "runs", "audit"},
    "studio": JOINED | {"metrics", "actionfigures", "evaluation", "audit"},
    "cli": JOINED
    | {"metrics", "actionfigures", "evaluation", "train", "benchmark", "runs", "audit", "studio", "concepts"},
}
"""The rooms that each room may import, beside itself and the ground floor."""

ALSO = {"attribution": {"videxplain.models.config"}}
"""Single modules of other rooms that a room may import."""

NO_TORCH = ("viz", "data", "actionfigures")
OWN_FILES = {"videxplain.viz.player.bundle", "videxplain.viz.gif"}
"""Modules of pictures that read files of their own: the player's JavaScript, and the first pass of a GIF."""

READERS = {"open", "read_text", "read_bytes", "load", "loadtxt", "genfromtxt", "imread", "DictReader", "safe_load"}
"""Names of calls that read a file."""

MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def nodes(tree: ast.AST, inside_functions: bool) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported; with ``inside_functions``, all but those for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from nodes(other, inside_functions)
            continue
        if not inside_functions and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield node
        yield from nodes(node, inside_functions)


def imported(module: str, inside_functions: bool = True) -> set[str]:
    """What a module imports; modules of this package by the name of the module that is really run."""
    names = set()
    for node in nodes(ast.parse(MODULES[module].read_text(encoding="utf-8")), inside_functions):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                names.add(whole if whole in MODULES else node.module or "")
    return names


def room(module: str) -> str:
    """The room of a module, or the module itself on the ground floor; empty for the package and its entry."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def of_room(name: str) -> list[str]:
    return [module for module in MODULES if room(module) == name]


def test_every_module_lies_in_a_known_room():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert rooms <= ROOMS.keys()
    assert not rooms & GROUND


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_only_what_it_may_know(name):
    allowed = GROUND | ROOMS[name] | {name, ""}
    broken = {
        f"{module} imports {other}"
        for module in of_room(name)
        for other in imported(module)
        if other.split(".")[0] == "videxplain" and room(other) not in allowed and other not in ALSO.get(name, set())
    }
    assert not broken


def test_the_ground_floor_knows_no_room():
    broken = {
        f"{name} imports {other}"
        for name in GROUND
        for other in imported(f"videxplain.{name}")
        if other.startswith("videxplain.") and room(other) not in GROUND
    }
    assert not broken


def test_imports_inside_functions_are_seen_and_those_for_type_checkers_are_not():
    assert "videxplain.explanation.motion" in imported("videxplain.cli.commands.split")
    assert "videxplain.explanation.motion" not in imported("videxplain.cli.commands.split", inside_functions=False)
    assert "videxplain.explanation.motion" not in imported("videxplain")


@pytest.mark.parametrize("name", NO_TORCH)
def test_a_room_without_networks_imports_no_torch(name):
    broken = {module for module in of_room(name) for other in imported(module) if other.split(".")[0] == "torch"}
    assert not broken


def reads(call: ast.Call) -> bool:
    """Whether a call reads a file, by its name; opening with a mode such as "wb" writes."""
    given = [one.value for one in (*call.args, *(k.value for k in call.keywords)) if isinstance(one, ast.Constant)]
    writes = any(isinstance(value, str) and value[:1] in ("w", "x") for value in given)
    return getattr(call.func, "attr", getattr(call.func, "id", "")) in READERS and not writes


def test_pictures_read_no_files():
    broken = {
        f"{module} calls {ast.unparse(node.func)}"
        for module in set(of_room("viz")) - OWN_FILES
        for node in nodes(ast.parse(MODULES[module].read_text(encoding="utf-8")), inside_functions=True)
        if isinstance(node, ast.Call) and reads(node)
    }
    assert not broken


def test_nothing_but_the_entry_imports_the_command_line():
    users = {module for module in MODULES for other in imported(module) if room(other) == "cli"}
    assert {room(module) for module in users} <= {"cli", "__main__"}


def test_there_is_no_circle():
    """No module needs itself, neither across rooms nor inside one, neither when it is imported nor when it is used."""
    edges = {module: imported(module) & MODULES.keys() for module in MODULES}
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for other in sorted(edges[module]):
                walk(other, (*path, module))
            done.add(module)

    for module in edges:
        walk(module, ())


def test_no_test_module_imports_another():
    """What tests share lies in modules made for it. A test module that is imported would run, and move, with others."""
    tests = Path(__file__).parent
    broken = {
        f"{path.relative_to(tests)} imports {node.module}"
        for path in tests.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[-1].startswith("test_")
    }
    assert not broken
