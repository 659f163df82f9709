"""The command and the lines of Python that repeat an explanation."""

from videxplain.commands import command_line as command_line_of
from videxplain.studio.questions.catalogue import Offer
from videxplain.studio.questions.question import Question

_USUAL = ("bundled", "auto")
"""Weights that a network gets by default."""


def command_line(question: Question, offer: Offer, clip: str) -> str:
    """The command for the same explanation.

    Args:
        question: The question.
        offer: The network.
        clip: The name of the clip.
    """
    weights = offer.file.name if offer.id.startswith("file:") else offer.weights
    asked = {name: getattr(question, name) or None for name in ("target", "against", "layer")}
    return command_line_of(
        question.method,
        model=offer.model,
        clip=clip,
        weights=None if offer.weights in _USUAL else weights,
        view=None if question.view == "model" else question.view,
        **asked,
        frames=None if question.frames == ":" else question.frames,
        **question.options,
    )


def python_lines(question: Question, offer: Offer, clip: str) -> str:
    """The same explanation in Python; for the arguments see :func:`command_line`."""
    weights = ""
    if offer.weights not in _USUAL:
        weights = f", {(offer.file.name if offer.id.startswith('file:') else offer.weights)!r}"
    if question.view != "model":
        weights += f", view={question.view!r}"
    start, stop = question.range
    source = repr(clip)
    if question.frames != ":":
        source = f"vx.read_clip({clip!r}, {start}, {stop})"
    arguments = [f"method={question.method!r}"]
    if question.against:
        arguments.append(f"target=vx.Contrast({question.target!r}, {question.against!r})")
    elif question.target:
        arguments.append(f"target={question.target!r}")
    if question.layer:
        arguments.append(f"layer={question.layer!r}")
    arguments += [f"{name}={value!r}" for name, value in question.options.items()]
    load = f"model = vx.load_model({offer.model!r}{weights})\n"
    if offer.digest:
        variable = offer.id.rpartition(":")[2]
        load = f"from {offer.file.stem} import {variable}" + ("\n" if variable == "model" else " as model\n")
    return (
        "import videxplain as vx\n\n"
        f"{load}"
        f"explanation = vx.explain(model, {source}, {', '.join(arguments)})\n"
        'explanation.save("explanation.mp4")\n'
    )
