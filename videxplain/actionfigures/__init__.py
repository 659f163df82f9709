"""ActionFigures: rendered clips of acting figures whose evidence is known, pixel by pixel and frame by frame."""

from videxplain.actionfigures.acts import LABELS
from videxplain.actionfigures.render import Difficulty, FigureClip, render_clip
from videxplain.actionfigures.synthesis import Evidence, held_out_clips, read_evidence, synthesize

__all__ = [
    "LABELS",
    "Difficulty",
    "Evidence",
    "FigureClip",
    "held_out_clips",
    "read_evidence",
    "render_clip",
    "synthesize",
]
