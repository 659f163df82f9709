"""The command that explains a whole data set."""

from pathlib import Path
from typing import Annotated

import typer

from videxplain.cli import options
from videxplain.cli.console import print_files, print_notes, problem, progress_bar
from videxplain.errors import VidexplainError

_DATA, _RUN, _REPORT = "Data", "How it runs", "The report"
_SKIPPED_SHOWN = 10

audit_app = typer.Typer(no_args_is_help=True, invoke_without_command=True, rich_markup_mode="rich")


@audit_app.callback(invoke_without_command=True)
def audit(
    context: typer.Context,
    model: Annotated[str, typer.Option("--model", "-m", help="See 'videxplain models'.", rich_help_panel="Input")] = "",
    data: Annotated[
        Path | None,
        typer.Option(
            help="UCF101, HMDB51, a folder of classes, a folder of videos, prepared frames, or a CSV or Parquet list.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    view: options.View = "model",
    settings: options.Settings = None,
    kind: Annotated[
        str, typer.Option(help="How the data set is laid out; auto finds out.", rich_help_panel=_DATA)
    ] = "auto",
    split: Annotated[int, typer.Option(help="1, 2 or 3.", rich_help_panel=_DATA)] = 1,
    subset: Annotated[
        str, typer.Option(metavar="test|train|all", help="Which videos.", rich_help_panel=_DATA)
    ] = "test",
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most this many videos, spread over all.", rich_help_panel=_DATA)
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a missing or damaged video.", rich_help_panel=_DATA)
    ] = False,
    unlabelled: Annotated[
        bool,
        typer.Option(
            "--unlabelled", help="Ignore the data set's labels: the network has other classes.", rich_help_panel=_DATA
        ),
    ] = False,
    method: Annotated[str, typer.Option(help="See 'videxplain methods'.", rich_help_panel="Explanation")] = "gradcam",
    layer: options.Layer = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust/--no-trust",
            help="Measure trust and temporal reliance: six more passes for each video.",
            rich_help_panel="Explanation",
        ),
    ] = True,
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine.", rich_help_panel=_RUN)] = 1,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS|auto", help="Run on a Ray cluster.", rich_help_panel=_RUN)
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only part I of N, for arrays of jobs.", rich_help_panel=_RUN)
    ] = None,
    device: options.Device = "auto",
    precision: options.Precision = "fp32",
    clips: Annotated[
        str,
        typer.Option(
            metavar="all|confused|NUMBER",
            help="Clips that get a video and maps in the report.",
            rich_help_panel=_REPORT,
        ),
    ] = "all",
    max_side: Annotated[
        int, typer.Option(min=32, help="Longer side of these videos in pixels.", rich_help_panel=_REPORT)
    ] = 480,
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
    from videxplain.audit.engines import choose_engine
    from videxplain.audit.report.build import build_report
    from videxplain.data.datasets.open import open_dataset
    from videxplain.device import find_device, find_precision

    place = find_device(device)
    dataset = open_dataset(data, kind=kind, split=split, for_training=False)
    if strict:
        dataset.refuse_missing()
    with progress_bar(f"audit of {model}") as progress:
        done = run_audit(
            model,
            dataset,
            out,
            weights=weights,
            labels=labels,
            view=view,
            expects=options.network_options(None, settings),
            subset=subset,
            method=method,
            layer=layer,
            precision=find_precision(precision, place),
            trust=trust,
            device=str(place),
            engine=choose_engine(workers, ray),
            part=shard,
            strict=strict,
            limit=limit,
            labelled=not unlabelled,
            progress=progress,
        )
    if done is None:
        print_notes([f"part {shard} is done; the tables and the report are made when all parts are"])
        return
    print_notes(done.notes)
    failed = done.videos[done.videos["error"].notna()]
    for _, row in failed.head(_SKIPPED_SHOWN).iterrows():
        problem("skipped", f"{row['path']}: {row['error']}")
    if len(failed):
        problem("skipped", f"{len(failed):,} of {len(done.videos):,} videos, listed in the report")
    with progress_bar("report") as progress:
        page = build_report(done, clips=clips, max_side=max_side, progress=progress)
    print_files([out / "videos.parquet", out / "classes.parquet", page])


@audit_app.command("report")
def report(
    audits: Annotated[list[Path], typer.Argument(metavar="AUDIT...", help="One audit, or two to compare.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write, for two audits.")] = None,
    clips: Annotated[str, typer.Option(metavar="all|confused|NUMBER", help="Clips that get a video and maps.")] = "all",
    max_side: Annotated[int, typer.Option(min=32, help="Longer side of these videos in pixels.")] = 480,
) -> None:
    """Write the report of one audit again, or compare two audits."""
    from videxplain.audit.report.build import build_report
    from videxplain.audit.report.compare import build_comparison
    from videxplain.audit.result import Audit

    opened = [Audit.load(folder) for folder in audits]
    with progress_bar("report") as progress:
        if len(opened) == 1:
            page = build_report(opened[0], clips=clips, max_side=max_side, progress=progress)
        elif len(opened) == 2:
            if out is None:
                raise VidexplainError("two audits side by side need --out")
            page = build_comparison(opened[0], opened[1], out, clips=clips, max_side=max_side, progress=progress)
        else:
            raise VidexplainError(f"a report is of one audit or of two, not of {len(opened)}")
    print_files([page])
