"""The command that explains a whole data set."""

from pathlib import Path
from typing import Annotated

import typer

from videxplain.cli.arguments import data_options, options
from videxplain.cli.arguments.values import network_options
from videxplain.cli.output.console import print_files, print_notes
from videxplain.cli.output.progress_lines import progress_lines
from videxplain.cli.output.skipped import print_failed
from videxplain.errors import VidexplainError

_RUN, _REPORT, _EXPLANATION = "How it runs", "The report", "Explanation"

Model = Annotated[str, typer.Option("--model", "-m", help="See 'videxplain models'.", rich_help_panel="Input")]
Unlabelled = Annotated[
    bool,
    typer.Option(
        "--unlabelled",
        help="Ignore the data set's labels: the network has other classes.",
        rich_help_panel=data_options.DATA_PANEL,
    ),
]
Method = Annotated[str, typer.Option(help="See 'videxplain methods'.", rich_help_panel=_EXPLANATION)]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust/--no-trust",
        help="Measure trust, temporal reliance and the share of motion: about 20 more passes for each video.",
        rich_help_panel=_EXPLANATION,
    ),
]
Workers = Annotated[int, typer.Option(min=1, help="Processes on this machine.", rich_help_panel=_RUN)]
Ray = Annotated[str | None, typer.Option(metavar="ADDRESS|auto", help="Run on a Ray cluster.", rich_help_panel=_RUN)]
Part = Annotated[
    str | None,
    typer.Option("--shard", metavar="I/N", help="Only part I of N, for arrays of jobs.", rich_help_panel=_RUN),
]
Clips = Annotated[
    str,
    typer.Option(
        metavar="all|confused|NUMBER", help="Clips that get a video and maps in the report.", rich_help_panel=_REPORT
    ),
]
MaxSide = Annotated[int, typer.Option(min=32, help="Longer side of these videos in pixels.", rich_help_panel=_REPORT)]

audit_app = typer.Typer(no_args_is_help=True, invoke_without_command=True, rich_markup_mode="rich")


@audit_app.callback(invoke_without_command=True)
def audit(
    context: typer.Context,
    model: Model = "",
    data: data_options.OptionalAnyData = None,
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    view: options.View = "model",
    settings: options.Settings = None,
    kind: data_options.Kind = "auto",
    split: data_options.Split = 1,
    subset: data_options.Subset = "test",
    limit: data_options.Limit = None,
    strict: data_options.Strict = False,
    unlabelled: Unlabelled = False,
    method: Method = "gradcam",
    layer: options.Layer = None,
    trust: Trust = True,
    workers: Workers = 1,
    ray: Ray = None,
    part: Part = None,
    device: options.Device = "auto",
    precision: options.Precision = "fp32",
    clips: Clips = "all",
    max_side: MaxSide = 480,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write.")] = None,
) -> None:
    """Explain every video of a data set: tables, maps, and a report that opens in a browser.

    A run that was stopped continues. 'videxplain audit report A B --out C' compares two audits.
    """
    if context.invoked_subcommand:
        return
    missing = [name for name, value in (("--model", model), ("--data", data), ("--out", out)) if not value]
    if missing or data is None or out is None:
        raise VidexplainError(f"audit needs {', '.join(missing)}")
    from videxplain.audit.api import run_audit
    from videxplain.audit.report.build import build_report
    from videxplain.data.datasets.open import open_dataset
    from videxplain.device import find_device, find_precision
    from videxplain.runs.engines import choose_engine

    place = find_device(device)
    dataset = open_dataset(data, kind=kind, split=split, for_training=False)
    if strict:
        dataset.refuse_missing()
    with progress_lines(f"audit of {model}") as progress:
        done = run_audit(
            model,
            dataset,
            out,
            weights=weights,
            labels=labels,
            view=view,
            expects=network_options(None, settings),
            subset=subset,
            method=method,
            layer=layer,
            precision=find_precision(precision, place),
            trust=trust,
            device=str(place),
            engine=choose_engine(workers, ray),
            part=part,
            strict=strict,
            limit=limit,
            labelled=not unlabelled,
            progress=progress,
        )
    if done is None:
        print_notes([f"part {part} is done; the tables and the report are made when all parts are"])
        return
    print_notes(done.notes)
    print_failed(done.videos)
    with progress_lines("report") as progress:
        page = build_report(done, clips=clips, max_side=max_side, progress=progress)
    print_files([out / "videos.parquet", out / "classes.parquet", page])


@audit_app.command("report")
def report(
    audits: Annotated[list[Path], typer.Argument(metavar="AUDIT...", help="One audit, or two to compare.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write, for two audits.")] = None,
    clips: Clips = "all",
    max_side: MaxSide = 480,
) -> None:
    """Write the report of one audit again, or compare two audits."""
    from videxplain.audit.report.build import build_report
    from videxplain.audit.report.compare import build_comparison
    from videxplain.audit.result import Audit

    opened = [Audit.load(folder) for folder in audits]
    with progress_lines("report") as progress:
        if len(opened) == 1:
            page = build_report(opened[0], clips=clips, max_side=max_side, progress=progress)
        elif len(opened) == 2:
            if out is None:
                raise VidexplainError("two audits side by side need --out")
            page = build_comparison(opened[0], opened[1], out, clips=clips, max_side=max_side, progress=progress)
        else:
            raise VidexplainError(f"a report is of one audit or of two, not of {len(opened)}")
    print_files([page])
