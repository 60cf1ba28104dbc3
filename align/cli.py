"""The `align` command: read the arguments and call `align.commands` or `align.pipeline`.

Torch is imported only by commands that need it.

Exit codes: 0 done; 1 a stage failed (the message says which, why, and where its log is); 2 the recipe or the
command is wrong.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from align import __version__
from align.core import yaml_reader
from align.core.errors import AlignError, RecipeError, StageFailed, UsageError, of_the_system


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.verb(options) or 0
    except (RecipeError, UsageError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StageFailed as error:
        sys.stderr.write(
            f"{error}\n  run the same command again to resume; if the rows or the recipe are at fault, "
            "fix them first\n"
        )
        return 1
    except AlignError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt as stopped:
        sys.stderr.write("\nstopped; run the same command again to resume\n")
        return 128 + (stopped.args[0] if stopped.args else signal.SIGINT)
    except BrokenPipeError:  # `align peek ... | head`
        sys.stderr.close()
        return 0
    except OSError as error:  # a folder that is read-only, a disk that is full
        if error.errno is None:
            raise
        sys.stderr.write(f"{of_the_system(error)}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="align", description="One recipe takes a base model to an aligned checkpoint."
    )
    parser.add_argument("--version", action="version", version=f"align {__version__}")
    verbs = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = _verb(verbs, "run", _run, "run a recipe's stages that are not done; running again resumes")
    _recipe_options(run)
    run.add_argument("--out", metavar="DIR", help="the run folder (default: runs/NAME)")
    run.add_argument("--until", metavar="STAGE", help="stop after this stage")
    run.add_argument("--only", metavar="STAGE", help="run this stage only; those before it must be done")
    run.add_argument(
        "--shard", metavar="i/n", help="with --only: work on share i (from 0) of n of the stage's prompts"
    )

    check = _verb(verbs, "check", _check, "read a recipe, report every mistake with its line, show the plan")
    _recipe_options(check)
    check.add_argument("--out", metavar="DIR", help="the run folder to compare with (default: runs/NAME)")

    check.add_argument(
        "--pilot",
        type=int,
        metavar="N",
        help="try N prompts of each stage that makes rows, and forecast the rest",
    )

    status = _verb(verbs, "status", _status, "show what a run has done")
    status.add_argument("dir", metavar="DIR")

    explain = _verb(
        verbs, "explain", _explain, "list the kinds and the shipped recipes, or show the fields of a kind"
    )
    explain.add_argument(
        "kind", nargs="?", metavar="KIND", help="a kind, module:Class, or a field such as lora or accelerate"
    )

    peek = _verb(verbs, "peek", _peek, "show rows of a stage, and what was dropped and why")
    peek.add_argument("dir", metavar="DIR")
    peek.add_argument("stage", metavar="STAGE")
    peek.add_argument("-n", type=int, default=3, help="rows of each table (default: 3)")

    export = _verb(
        verbs, "export", _export, "write a checkpoint of a run (its last model) or of a model folder"
    )
    export.add_argument("source", metavar="DIR|MODEL")
    export.add_argument("to", metavar="TO")
    export.add_argument("--stage", help="which stage of the run (default: the last model)")
    export.add_argument(
        "--dtype", choices=["float32", "bfloat16", "float16"], help="precision (default: as trained)"
    )
    export.add_argument("--format", choices=["safetensors"], default="safetensors")

    _eval_options(verbs)
    init = _verb(
        verbs, "init", _init, "write a starter recipe, or a starter plug-in with a recipe that uses it"
    )
    init.add_argument("dir", nargs="?", default=".", metavar="DIR")
    init.add_argument("--kind", choices=["recipe", "sft", "dpo", "synthesizer", "reward"], default="recipe")
    return parser


def _eval_options(verbs: Any) -> None:
    """Add the command `align eval`."""
    evaluate = _verb(verbs, "eval", _evaluate, "measure models on tasks, without a recipe")
    evaluate.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="a folder, a hub id, a run folder (all its models), '{model: FOLDER, name: NAME}', or a "
        "generator: '{kind: openai, ...}'",
    )
    evaluate.add_argument(
        "--tasks", nargs="+", required=True, metavar="TASK", help="gsm8k,ifeval or '{kind: gsm8k, shots: 8}'"
    )
    evaluate.add_argument(
        "--targets",
        nargs="+",
        default=[],
        metavar="TASK",
        help="what training aimed at; the tax is on others",
    )
    evaluate.add_argument("--samples", type=int, default=0, help="sampled answers to each item (default: 0)")
    evaluate.add_argument("--limit", type=int, help="only the first items of each task")
    evaluate.add_argument("--dtype", default="bfloat16", help="precision of the weights (default: bfloat16)")
    evaluate.add_argument("--batch-size", type=int, default=128, help="sequences at once (default: 128)")
    evaluate.add_argument("--chat-template", help="for models that have none: a file, or a name of TRL's")
    evaluate.add_argument("--out", default="runs/eval", metavar="DIR", help="default: runs/eval")
    evaluate.add_argument("--set", action="append", default=[], metavar="a.b=c", help="as of `align run`")


def _verb(verbs: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(verb=function)
    return parser


def _recipe_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a YAML file, or the name of a shipped recipe")
    parser.add_argument(
        "--set", action="append", default=[], metavar="a.b=c", help="override a value; may be repeated"
    )


def _load(options: argparse.Namespace) -> Any:
    from align.core.recipe import Recipe  # noqa: PLC0415 (pydantic is not needed for --help)

    return Recipe.load(options.recipe, set=_overrides(options))


def _overrides(options: argparse.Namespace) -> dict[str, Any]:
    """Return what `--set` overrides."""
    overrides = {}
    for item in options.set:
        key, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"--set {item}: write --set key=value, such as --set dpo.beta=0.2")
        overrides[key] = yaml_reader.parse_value(value)
    return overrides


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let signals stop the work as Ctrl-C does: processes are ended, and a message is printed.

    SIGINT is handled even if it was ignored, because a shell script ignores it for commands that it starts
    with `&`. An ignored SIGHUP stays ignored (`nohup`).
    """

    def stop(number: int, _: Any) -> None:
        raise KeyboardInterrupt(number)

    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return
    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    signals = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hangs_up else []))
    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(options: argparse.Namespace) -> None:
    from align import pipeline  # noqa: PLC0415

    with _stoppable():
        report = pipeline.run(
            _load(options), options.out, until=options.until, only=options.only, shard=options.shard
        )
    sys.stdout.write(f"{report.folder}: {len(report.ran)} stages run, {len(report.skipped)} done before\n")


def _check(options: argparse.Namespace) -> None:
    from align.commands import check  # noqa: PLC0415

    loaded = _load(options)
    sys.stdout.write(check.plan(loaded, options.out))
    if options.pilot is not None:
        from align.commands import pilot  # noqa: PLC0415

        sys.stdout.write("\n" + pilot.pilot(loaded, options.out, options.pilot))


def _status(options: argparse.Namespace) -> None:
    from align.commands import status  # noqa: PLC0415

    sys.stdout.write(status.status(options.dir))


def _explain(options: argparse.Namespace) -> None:
    from align.commands import explain  # noqa: PLC0415

    sys.stdout.write(explain.explain(options.kind))


def _peek(options: argparse.Namespace) -> None:
    from align.commands import peek  # noqa: PLC0415

    sys.stdout.write(peek.peek(options.dir, options.stage, options.n))


def _export(options: argparse.Namespace) -> None:
    from align.commands import export  # noqa: PLC0415

    sys.stdout.write(export.export(options.source, options.to, options.stage, options.dtype))


def _evaluate(options: argparse.Namespace) -> None:
    from align.commands import evaluate  # noqa: PLC0415

    named = ("samples", "limit", "dtype", "batch_size", "chat_template", "targets")
    fields = {name: value for name in named if (value := getattr(options, name)) is not None}
    with _stoppable():
        done = evaluate.evaluate(options.models, options.tasks, options.out, fields, _overrides(options))
    sys.stdout.write(done)


def _init(options: argparse.Namespace) -> None:
    from align.commands import init  # noqa: PLC0415

    sys.stdout.write(init.init(options.dir, options.kind))
