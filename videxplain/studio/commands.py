"""The command line and the Python lines that make an explanation again."""

import shlex

from videxplain.studio.catalogue import Offer
from videxplain.studio.question import Question


def command_line(question: Question, offer: Offer, clip: str) -> str:
    """What to type in a terminal for the same explanation.

    Args:
        question: What is asked.
        offer: The network.
        clip: What the clip is called.
    """
    words = ["videxplain", question.method, "--model", offer.model, "--clip", clip]
    if offer.weights != "bundled":
        words += ["--weights", offer.file.name if offer.id.startswith("file:") else offer.weights]
    for name in ("target", "against", "layer"):
        if value := getattr(question, name):
            words += [f"--{name}", value]
    if question.frames != ":":
        words += ["--frames", question.frames]
    for name, value in question.options.items():
        words += [f"--{name.replace('_', '-')}", ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]
    return shlex.join(words)


def python_lines(question: Question, offer: Offer, clip: str) -> str:
    """The same in Python."""
    weights = ""
    if offer.weights != "bundled":
        weights = f", {(offer.file.name if offer.id.startswith('file:') else offer.weights)!r}"
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
    return (
        "import videxplain as vx\n\n"
        f"model = vx.load_model({offer.model!r}{weights})\n"
        f"explanation = vx.explain(model, {source}, {', '.join(arguments)})\n"
        'explanation.save("explanation.mp4")\n'
    )
