"""What is said of a clip that the network cannot know."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

import videxplain as vx
from videxplain.explanation.familiarity import familiarity_notes


def test_commands_name_the_clip_as_a_shell_reads_it():
    found = SimpleNamespace(beyond=True, distance=9.0, distance_limit=2.0)
    for name in ("a clip.mp4", "it's.mp4", "a;rm -rf x.mp4", "$(id).mp4", "a&b.mp4", "plain.mp4"):
        commands = familiarity_notes(found, SimpleNamespace(path=Path("folder") / name))[2:]
        assert len(commands) == 3
        for command in commands:
            words = shlex.split(command)
            assert words[words.index("--clip") + 1] == name


def test_relevance_at_a_layer_is_measured_on_the_clip_itself():
    """Changed clips are tried first there, to find out where the layer lies."""
    whole = vx.read_clip("examples/clips/kicking.mp4")
    clip = vx.Clip(whole.frames[:16], whole.fps)
    distances = [
        vx.explain(vx.load_model("late_fusion"), clip, method, layer="trunk.layer2").familiarity.distance
        for method in ("gradcam", "lrp")
    ]
    assert distances[0] == pytest.approx(distances[1], rel=1e-6)
