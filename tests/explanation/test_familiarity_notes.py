"""What is said of a clip that the network cannot know."""

import shlex
from pathlib import Path
from types import SimpleNamespace

from videxplain.explanation.familiarity import familiarity_notes


def test_commands_name_the_clip_as_a_shell_reads_it():
    found = SimpleNamespace(beyond=True, distance=9.0, distance_limit=2.0)
    for name in ("a clip.mp4", "it's.mp4", "a;rm -rf x.mp4", "$(id).mp4", "a&b.mp4", "plain.mp4"):
        commands = familiarity_notes(found, SimpleNamespace(path=Path("folder") / name))[2:]
        assert len(commands) == 3
        for command in commands:
            words = shlex.split(command)
            assert words[words.index("--clip") + 1] == name
