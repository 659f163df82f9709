"""The command that lists the layers of a network."""

from videxplain.cli.arguments import options
from videxplain.cli.arguments.values import network_options
from videxplain.cli.output.console import clean, console, print_json, progress_bar, say


def layers(
    model: options.Model,
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    settings: options.Settings = None,
    as_json: options.AsJson = False,
) -> None:
    """List the layers of a network that --layer can name, and how fine their maps are.

    Layers of tokens, as transformers have them, are listed with the grid of their tokens.
    """
    from rich.table import Table

    from videxplain.explanation.layer_list import layer_list
    from videxplain.models.own_models import load_named

    with progress_bar(f"weights of {model}") as progress:
        network = load_named(model, weights, progress=progress, **network_options(labels, settings))
    with progress_bar(f"layers of {model}"):
        found = layer_list(network)
    if as_json:
        print_json(found)
        return
    if not found:
        say("no layer of this network has an output with extent in space")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("layer", "kind", "output: channels, (time x) height x width"):
        table.add_column(heading, overflow="fold")
    for one in found:
        mark = "  <- default" if one["default"] else ""
        table.add_row(clean(one["name"]), clean(one["type"]), f"{one['shape']}{mark}")
    console().print(table)
    if any(one["default"] for one in found):
        return
    if network.config.default_layer:
        say(f"the default layer, {network.config.default_layer}, is not listed: where its tokens lie is not known")
    else:
        say("the default layer is found when a clip is explained; results name it")
