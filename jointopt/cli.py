"""The command line."""

from __future__ import annotations

import atexit
import gc
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from jointopt.errors import (
    DataError,
    JointOptError,
    ModelError,
    OptionError,
    SpaceError,
    StorageError,
)
from jointopt.evaluation.worker_start import warm_up
from jointopt.files import existing_file, is_named

__all__ = ["app", "main"]

INTERRUPTED = 130
"""The exit code of what Ctrl-C ended."""

app = typer.Typer(
    help="Search transforms, features, paradigm, architecture and hyperparameters jointly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
USER_ERRORS = (DataError, ModelError, OptionError, SpaceError, StorageError)
"""What the user can mend: exit code 2; any other error of ours is 1."""


@app.callback()
def _options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Search features, transforms, paradigm, architecture and hyperparameters jointly."""
    del debug  # `main` looks for it, since an error may come before options are read
    if show_version:
        print(version("jointopt"))
        raise typer.Exit


METRICS = (
    "roc_auc, log_loss, accuracy, balanced_accuracy, f1, average_precision, rmse, mae, r2, or a "
    "scikit-learn scorer"
)


STRATEGY_NAMES = "joint, sequential, alternating, random or exhaustive"


def _option(text: str, default: str | None = None, **how: Any) -> Any:
    """Describe an option; `default` tells one that is not the parameter's own."""
    shown = text if default is None else f"{text} \\[default: {default}]"
    return typer.Option(help=shown, show_default=False, **how)


ORDER = _option(
    "Of --strategy sequential: axes with commas; what is left out stays at its defaults.",
    "transforms, features, paradigm, architecture, hyperparameters",
)
TRIAL_TIMEOUT = _option("The longest that one fit may take: 30s, 5m.", "by the budget")
MEMORY_LIMIT = _option(
    "What one worker may use: 1500MB, 2GB.", "80 % of the machine's, or of a container's, shared"
)
SHARES = _option(
    "Of sequential: each axis's part of the budget, transforms=1,features=2.", "equal"
)


@app.command(epilog="Example: jointopt run table.csv --target price --budget 2m --out price-model")
def run(
    data: Annotated[
        Path,
        typer.Argument(
            help="A table (.csv, .csv.gz, .tsv, .parquet, .feather) or a study definition (.yaml)."
        ),
    ],
    *,
    target: Annotated[str | None, _option("The column to predict.")] = None,
    metric: Annotated[
        str | None, _option(METRICS + ".", "roc_auc, log_loss or rmse, by task")
    ] = None,
    budget: Annotated[
        str | None, _option("Wall-clock time for everything: 60s, 5m, 1h.", "60s without --trials")
    ] = None,
    trials: Annotated[int | None, _option("The most configurations to evaluate.", min=1)] = None,
    strategy: Annotated[str | None, _option(f"How to search: {STRATEGY_NAMES}.", "joint")] = None,
    space: Annotated[
        str | None, _option("A shipped space's name or a YAML file.", "tabular")
    ] = None,
    order: Annotated[str | None, ORDER] = None,
    shares: Annotated[str | None, SHARES] = None,
    seed: Annotated[
        int | None,
        _option(
            "Of everything random; runs repeat exactly with --workers 1 and --trials only.",
            "0",
            min=0,
        ),
    ] = None,
    workers: Annotated[int | None, _option("Worker processes.", "the cores", min=1)] = None,
    dask: Annotated[
        str | None, _option("A Dask scheduler to fit on: tcp://HOST:PORT.", "this machine")
    ] = None,
    trial_timeout: Annotated[str | None, TRIAL_TIMEOUT] = None,
    memory_limit: Annotated[str | None, MEMORY_LIMIT] = None,
    final: Annotated[
        str | None,
        _option("ensemble averages the best models, single fits the best one again.", "ensemble"),
    ] = None,
    storage: Annotated[
        str | None, _option("Database URL, or path ending in .journal.", "DIR/study.db")
    ] = None,
    out: Annotated[Path | None, _option("Folder for all results.", "NAME-jointopt")] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the study in --out or --storage, or join the runs that are at it; "
            "what these have used counts for --budget and --trials.",
        ),
    ] = False,
) -> None:
    """Search the joint space for the best model of a table, and save it.

    Several runs, on several machines too, share one study if each is given the same --storage,
    --resume and an --out of its own: each takes in what the others have finished, --budget and
    --trials are for all together, and each ends with a model.
    """
    started = time.monotonic()
    _check_is_there(data)
    warm_up()
    from jointopt.compare_command import CompareCommand
    from jointopt.run_command import RunCommand

    options = {
        "target": target,
        "metric": metric,
        "budget": budget,
        "trials": trials,
        "strategy": strategy,
        "space": space,
        "seed": seed,
        "workers": workers,
        "dask": dask,
        "trial_timeout": trial_timeout,
        "memory_limit": memory_limit,
        "final": final,
    }
    given = _given(options, order, shares)
    command = RunCommand.from_options(data, given)
    if command.study.strategies is not None and strategy is None:
        if storage is not None or resume:
            raise OptionError(
                "a comparison keeps its runs in --out and goes on by itself; --storage and "
                "--resume are for a single run, with --strategy"
            )
        CompareCommand(command.study).run(Console(), out=out)
    else:
        command.run(Console(), out=out, storage=storage, resume=resume, started=started)


@app.command(
    epilog="Example: jointopt compare table.csv --target price --strategies joint,random --seeds 6"
)
def compare(
    data: Annotated[
        Path,
        typer.Argument(
            help="A table (.csv, .csv.gz, .tsv, .parquet, .feather) or a study definition (.yaml)."
        ),
    ],
    *,
    target: Annotated[str | None, _option("The column to predict.")] = None,
    strategies: Annotated[
        str | None,
        _option(
            f"Names with commas, the baseline first: {STRATEGY_NAMES}.",
            "joint, sequential, alternating, random",
        ),
    ] = None,
    metric: Annotated[
        str | None, _option(METRICS + ".", "roc_auc, log_loss or rmse, by task")
    ] = None,
    budget: Annotated[
        str | None, _option("Wall-clock time of each run: 60s, 5m.", "60s without --trials")
    ] = None,
    trials: Annotated[int | None, _option("Evaluations of each run.", min=1)] = None,
    seeds: Annotated[
        int | None,
        _option(
            "Runs of each strategy, each with a test split of its own; on one table no difference "
            "can be shown with fewer than 6, with four strategies 7.",
            "5",
            min=1,
        ),
    ] = None,
    space: Annotated[
        str | None, _option("A shipped space's name or a YAML file.", "tabular")
    ] = None,
    order: Annotated[str | None, ORDER] = None,
    shares: Annotated[str | None, SHARES] = None,
    workers: Annotated[
        int | None, _option("Worker processes of a run.", "the cores", min=1)
    ] = None,
    trial_timeout: Annotated[str | None, TRIAL_TIMEOUT] = None,
    memory_limit: Annotated[str | None, MEMORY_LIMIT] = None,
    parallel: Annotated[
        int | None, _option("Runs at once, each with one worker.", "1", min=1)
    ] = None,
    out: Annotated[Path | None, _option("Folder for all results.", "NAME-comparison")] = None,
) -> None:
    """Compare search strategies at equal budget on test rows that no search sees.

    Runs that the folder holds already are not repeated: with more seeds or strategies, only what
    is missing is done.
    """
    _check_is_there(data)
    warm_up()
    from jointopt.compare_command import CompareCommand

    options = {
        "target": target,
        "metric": metric,
        "strategies": None if strategies is None else _words(strategies),
        "budget": budget,
        "trials": trials,
        "seeds": seeds,
        "space": space,
        "workers": workers,
        "trial_timeout": trial_timeout,
        "memory_limit": memory_limit,
        "parallel": parallel,
    }
    command = CompareCommand.from_options(data, _given(options, order, shares))
    command.run(Console(), out=out)


def _check_is_there(data: Path) -> None:
    """Tell of a missing file before libraries are loaded, which takes seconds."""
    if not is_named(str(data)):
        existing_file(data)


def _given(options: dict[str, Any], order: str | None, shares: str | None) -> dict[str, Any]:
    """Return the options that were given, the strategy's own among them."""
    texts = {
        "order": None if order is None else _words(order),
        "shares": None if shares is None else dict(_share(word) for word in _words(shares)),
    }
    return {name: value for name, value in {**options, **texts}.items() if value is not None}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _share(word: str) -> tuple[str, float]:
    axis, _, number = word.partition("=")
    try:
        return axis, float(number)
    except ValueError as error:
        raise OptionError(
            f"--shares {word!r}: write an axis and a number, such as transforms=1"
        ) from error


@app.command(epilog="Example: jointopt predict price-model new.csv --out preds.csv")
def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run's folder, or its model/.")],
    data: Annotated[
        Path, typer.Argument(metavar="NEW", help="A table with the training columns.")
    ],
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
) -> None:
    """Predict a table with a saved model: probabilities per class and `prediction`."""
    existing_file(data)
    from jointopt.data import read_table
    from jointopt.model.saving import load_model

    if out.is_dir():
        raise OptionError(f"--out {out} is a folder; give the name of a CSV file")
    if not out.parent.is_dir():
        raise OptionError(f"--out {out}: the folder {out.parent} does not exist; make it first")
    model = load_model(folder)
    table = read_table(data, strings=model.schema.string_columns)
    found = model.predictions(table)
    try:
        found.to_csv(out, index=False)
    except OSError as error:
        raise OptionError(f"--out {out} cannot be written: {error.strerror}") from error
    console = Console()
    for name, value in model.schema.unreadable(table).items():
        console.print(
            f"column {escape(repr(name))}: no value in it can be read as in training, such as "
            f"{escape(repr(value))}; all count as missing",
            highlight=False,
        )
    console.print(f"{len(found)} predictions in {escape(str(out))}")


@app.command(epilog="Example: jointopt export price-model --onnx --out price.onnx")
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run's folder, or its model/.")],
    *,
    onnx: Annotated[bool, typer.Option("--onnx", help="As ONNX, for any ONNX runtime.")] = False,
    out: Annotated[Path | None, _option("File to write.", "DIR/model.onnx")] = None,
    data: Annotated[Path | None, _option("Table to check it on.", "the training table")] = None,
) -> None:
    """Write a saved model in a form that needs no jointopt, checked to predict the same."""
    from jointopt.export_command import export_onnx

    if not onnx:
        raise OptionError("say which form to export to: --onnx")
    export_onnx(Console(), folder, out, data)


@app.command(epilog="Example: jointopt space tabular --columns 20")
def space(
    name: Annotated[
        str, typer.Argument(help="A shipped space's name or a YAML file.")
    ] = "tabular",
    columns: Annotated[
        int, typer.Option(min=1, help="Columns to count for a mask over a table's columns.")
    ] = 10,
) -> None:
    """Show a search space: its tree, the size of each axis, N + M beside N × M."""
    from jointopt.insight.space_view import show_space
    from jointopt.space import load_space

    found = load_space(name)
    # Those that are shipped are right, and what checks them takes a second to load.
    if Path(name).is_file() and found.estimators():
        from jointopt.pipeline.checks import check_space

        check_space(found)
    show_space(Console(), found, columns)


@app.command(epilog="Example: jointopt report price-model")
def report(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run's folder.")]) -> None:
    """Say where a run's report is, and its leaderboard's top; or a comparison's."""
    from jointopt.insight.terminal import show_leaderboard

    if (folder / "comparison.html").is_file():
        from jointopt.compare_command import show_comparison
        from jointopt.insight.comparison import Comparison

        show_comparison(Console(), Comparison.load(folder))
        Console().print(f"The page: {escape(str(folder / 'comparison.html'))}")
        return
    page = folder / "report.html"
    if not page.is_file():
        raise OptionError(f"{folder} holds no report.html; jointopt run writes one")
    show_leaderboard(Console(), folder / "leaderboard.csv")
    Console().print(f"The report: {escape(str(page))}")


@app.command(epilog="Example: jointopt dashboard price-model --port 8080")
def dashboard(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run's folder.")],
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port on this machine's loopback.")
    ] = 8080,
    storage: Annotated[
        str | None, _option("Where the run was told to keep its study.", "DIR/study.db")
    ] = None,
) -> None:
    """Open the run's study in optuna-dashboard, on this machine only."""
    import optuna_dashboard
    from optuna.artifacts import FileSystemArtifactStore

    from jointopt.insight.study_notes import ARTIFACTS
    from jointopt.search.storage import open_storage, sqlite_url

    database = folder / "study.db"
    if storage is None and not database.is_file():
        raise OptionError(
            f"{folder} holds no study.db; jointopt run writes one, unless it is given --storage: "
            "then give that here, too"
        )
    studies = open_storage(sqlite_url(database) if storage is None else storage)
    files = FileSystemArtifactStore(folder / ARTIFACTS)
    Console().print(f"http://127.0.0.1:{port}/ (Ctrl-C to stop)")
    try:
        optuna_dashboard.run_server(studies, host="127.0.0.1", port=port, artifact_store=files)
    except OSError as error:
        raise OptionError(
            f"--port {port} cannot be opened: {error.strerror}; choose another"
        ) from error


@app.command(epilog="Example: jointopt demo --budget 30s")
def demo(
    budget: Annotated[str, typer.Option(help="Wall-clock time.")] = "60s",
    out: Annotated[Path, typer.Option(help="Folder for the data and the results.")] = Path("demo"),
) -> None:
    """Run the main job on scikit-learn's breast cancer table and score it on held-out rows."""
    started = time.monotonic()
    warm_up()
    from jointopt.demo import run_demo

    run_demo(Console(), out, budget, started)


def main() -> None:
    """Run the command line; errors are told in a sentence or two, without a traceback."""
    debug = "--debug" in sys.argv
    # As it ends, Python would look through all that the libraries hold, which takes a second.
    atexit.register(gc.freeze)
    try:
        app()
    except JointOptError as error:
        if debug:
            raise
        Console(stderr=True, soft_wrap=True).print(
            f"[red]error:[/red] {escape(str(error))}", highlight=False
        )
        sys.exit(2 if isinstance(error, USER_ERRORS) else 1)
    except SystemExit as end:
        # typer makes this of an interrupt, without a word.
        if end.code == INTERRUPTED:
            Console(stderr=True).print("stopped")
        raise
    except Exception as error:
        if debug:
            raise
        Console(stderr=True, soft_wrap=True).print(
            f"[red]error inside jointopt:[/red] {type(error).__name__}: {escape(str(error))}\n"
            "Run again with jointopt --debug for the traceback.",
            highlight=False,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
