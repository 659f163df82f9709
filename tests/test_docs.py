"""The documentation is true: commands parse, links lead somewhere, Python code runs, tables agree with the program."""

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import torch
import torchvision
import typer
from torch import nn

import videxplain
from videxplain.actionfigures import render_clip
from videxplain.attribution.api import METHODS
from videxplain.attribution.registry import list_methods
from videxplain.cli.app import app
from videxplain.models.config import View
from videxplain.models.own_models import own_model
from videxplain.viz.video import save_video

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")),
    *sorted(DOCS.glob("*.md")),
]
NOT_FOR_READERS = {"index.md", "changelog.md", "contributing.md"}  # a list of pages, and two that include others
GENERATED = {"tour.ipynb": ROOT / "examples" / "notebook.ipynb"}  # docs/conf.py copies it


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL)


def inline_code(page: Path) -> list[str]:
    without_blocks = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", without_blocks)]


# Commands


def command_lines(page: Path) -> list[list[str]]:
    """Every ``videxplain ...`` in a block of shell code, split into words as the shell would."""
    lines = "".join(code_blocks(page, "bash")).replace("\\\n", " ").splitlines()
    calls = [call for line in lines for call in re.findall(r"(?:^|&&)\s*videxplain\s+(.*?)(?=&&|$)", line)]
    return [shlex.split(call, comments=True) for call in calls]


@cache
def program():
    return typer.main.get_command(app)


def parse(command, name: str, words: list[str], parent=None) -> None:
    """Parse as the program does, without running anything; raises what the program would print."""
    context = command.make_context(name, list(words), parent=parent)
    left = [*getattr(context, "_protected_args", ()), *context.args]
    if left and hasattr(command, "get_command"):
        subcommand, *rest = left
        assert command.get_command(context, subcommand), f"there is no command '{subcommand}'"
        parse(command.get_command(context, subcommand), subcommand, rest, context)


def options_of(words: list[str]) -> set[str]:
    command, context = program(), None
    for word in words:
        if not hasattr(command, "get_command"):
            break
        context = command.make_context("", [word], parent=context)
        command = command.get_command(context, word)
        assert command, f"there is no command '{word}'"
    return {option for one in command.params for option in (*one.opts, *one.secondary_opts)} | {"--help"}


@pytest.mark.parametrize("page", [page for page in PAGES if command_lines(page)], ids=name_of)
def test_the_program_takes_every_command_line(page):
    for words in command_lines(page):
        try:
            parse(program(), "videxplain", words)
        except Exception as error:
            pytest.fail(f"videxplain {' '.join(words)}: {error}")


def test_there_are_command_lines_to_check():
    assert len(command_lines(ROOT / "README.md")) > 8
    assert sum(len(command_lines(page)) for page in PAGES) > 60


def test_a_wrong_option_is_noticed():
    with pytest.raises(Exception, match="--modle"):
        parse(program(), "videxplain", ["gradcam", "--modle", "i3d", "--clip", "a.mp4"])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_options_in_the_text_exist(page):
    everything = {option for name in list(program().commands) for option in options_of([name])}
    everything |= {option for name in list_methods() for option in options_of([name])} | {"--version"}
    everything |= {option for name in ("curves", "table", "confusion") for option in options_of(["plot", name])}
    for span in inline_code(page):
        words = span.split()
        named = {word for word in words if re.fullmatch(r"--[a-z][a-z-]*", word)}
        if words[0] == "videxplain" and len(words) > 1 and words[1][0].islower():
            commands = [word for word in words[1:3] if re.fullmatch(r"[a-z][a-z+-]*", word)]
            assert named <= options_of(commands), span
        elif words[0].startswith("--") or words[0] in list_methods():
            assert named <= everything, span


# Links


def anchors(page: Path) -> set[str]:
    """The anchors of the headings, as GitHub and MyST name them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text_of(page), flags=re.M | re.S), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        target = GENERATED.get(target.name, target)
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_can_be_reached():
    listed = [
        word
        for part in text_of(DOCS / "index.md").split("```{toctree}")[1:]
        for word in part.split("```")[0].split("\n")
    ]
    names = {name for name in listed if name and not name.startswith(":")}
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md") if "_build" not in page.parts}
    assert names == pages - {"index"} | {"tour"}


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == DOCS], ids=name_of)
def test_the_first_paragraph_says_whom_a_page_is_for(page):
    if page.name not in NOT_FOR_READERS:
        assert "This page is for " in text_of(page).split("\n\n")[1]


def test_the_architecture_names_modules_that_exist():
    paths = {span for span in inline_code(DOCS / "architecture.md") if re.fullmatch(r"[\w/]+(\.py|/)", span)}
    assert len(paths) > 20
    missing = {path for path in paths if not any((place / path).exists() for place in (ROOT, ROOT / "videxplain"))}
    assert not missing


# Python


PYTHON = [page for page in PAGES if code_blocks(page, "python")]
RUN = (
    "README.md",
    "getting-started.md",
    "explain-a-clip.md",
    "compare-methods.md",
    "figures.md",
    "own-network.md",
    "black-boxes.md",
    "attention.md",
    "data.md",
)
NEEDS_A_FILE = ("my_i3d.pth", "pyannot.pkl", "model.onnx", "checkpoint.pth")


@pytest.mark.parametrize("page", PYTHON, ids=name_of)
def test_python_code_compiles(page):
    for block in code_blocks(page, "python"):
        compile(block, name_of(page), "exec")


class Network(nn.Module):
    """A small video network that takes channels before time, or time before channels."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"stage4": nn.Conv3d(3, 4, 3, stride=4, padding=1)})
        self.layer4 = nn.Sequential(nn.Conv3d(4, 4, 3, padding=1), nn.ReLU())
        self.classifier = nn.Linear(4, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x if x.shape[1] == 3 else x.transpose(1, 2)
        return self.classifier(self.layer4(self.encoder["stage4"](x)).mean((2, 3, 4)))


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What the pages take for granted: a folder with videos, networks and a batch."""
    save_video(tmp_path / "my_video.mp4", render_clip("Wave", seed=3, num_frames=20).frames, 25.0)
    (tmp_path / "video.avi").symlink_to("my_video.mp4")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    module, network = Network(8).eval(), Network(2).eval()
    x = torch.randn(2, 3, 16, 32, 32)
    model = videxplain.load_model("i3d")
    return {"vx": videxplain, "module": module, "network": network, "x": x, "labels": ("fall", "rise"), "model": model}


@pytest.mark.parametrize("page", [page for page in PYTHON if page.name in RUN], ids=name_of)
def test_python_code_runs(page, names):
    for block in code_blocks(page, "python"):
        if not any(file in block for file in NEEDS_A_FILE):
            exec(compile(block, name_of(page), "exec"), names)


def test_a_checkpoint_becomes_a_model_for_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = (one for one in code_blocks(DOCS / "own-network.md", "python") if "checkpoint.pth" in one)
    torch.save(torchvision.models.video.mc3_18(num_classes=2).state_dict(), "checkpoint.pth")
    (tmp_path / "my_model.py").write_text(block, encoding="utf-8")
    config = own_model("python:my_model.py:model").config
    assert (config.labels, config.size, config.view) == (
        ("fight", "no fight"),
        (112, 112),
        View((128, 171), (112, 112)),
    )


@pytest.mark.long
def test_the_metrics_give_the_numbers_on_their_page(names, capsys):
    (block,) = [block for block in code_blocks(DOCS / "metrics.md", "python") if "deletion(score" in block]
    exec(compile(block, "metrics.md", "exec"), names)
    printed = [float(number) for number in re.findall(r"-?\d+\.\d+", capsys.readouterr().out)]
    written = [
        float(number) for number in re.findall(r"-?\d+\.\d+", " ".join(re.findall(r"# (.+)$", block, re.MULTILINE)))
    ]
    assert printed[:3] == pytest.approx(written[:3], abs=0.01)


# Tables and numbers


def rows_of(page: str, start: str) -> list[str]:
    return [line for line in text_of(DOCS / page).splitlines() if line.startswith(start)]


def test_the_table_of_methods_is_that_of_the_program():
    entries = [METHODS[name] for name in list_methods()]
    expected = [f"| `{one.name}` | {one.summary} | {one.cost} | {one.paper} |" for one in entries]
    assert [row for row in rows_of("methods.md", "| `") if not row.startswith("| `--")] == expected


def option_rows() -> list[str]:
    """The table of options: those that several methods share, with the same default and meaning, have one row."""
    shared: dict[tuple[str, str, str], list[str]] = {}
    for name in list_methods():
        for option in METHODS[name].options:
            default = option.default if option.default is not None else "chosen by the method"
            text = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
            shared.setdefault((option.name, text, option.help), []).append(name)
    return [
        f"| `--{name}` | {' '.join(f'`{one}`' for one in methods)} | {default} | {meaning} |"
        for (name, default, meaning), methods in sorted(shared.items())
    ]


def test_the_table_of_options_is_that_of_the_program():
    assert rows_of("methods.md", "| `--") == option_rows()


def test_the_version_is_stated_once():
    version = videxplain.__version__
    assert f"## {version}" in text_of(ROOT / "CHANGELOG.md")
    for page in (ROOT / "setup.cfg", ROOT / "pyproject.toml", ROOT / "CITATION.cff", *PAGES):
        if page.name != "CHANGELOG.md":
            assert f"videxplain {version}" not in text_of(page)
            assert not re.search(rf"version\W+{re.escape(version)}", text_of(page))
