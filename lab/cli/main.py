"""`lab`: the group of verbs, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

import click

from lab.errors import LabError, OutputError, unknown_name

DEFECT, INTERRUPTED = 70, 130

VERBS = {
    "run": ("run", "Measure how often a program goes wrong, and what each guard costs."),
    "explore": ("explore", "Search for a schedule that breaks it, or prove that there is none."),
    "replay": ("replay", "Repeat a schedule that was found, exactly."),
    "race": ("race", "Repeat scripts as they stand: how often does each go wrong?"),
    "compare": ("compare", "Tell what is worse or better in one result than in another."),
    "summary": ("show", "Print the table and the findings of results."),
    "plot": ("show", "Draw the pictures of results anew."),
    "report": ("report", "Make one page of results or of an exploration."),
    "list": ("list", "Show scenarios, guards, stores, engines and experiments."),
}
"""The module of each verb, and what it does in a line."""


class _Help(click.HelpFormatter):
    """As wide as click's own, which imports all that unpacks archives to ask how wide the terminal is."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        super().__init__(indent_increment, width or max(min(_columns(), max_width or 80) - 2, 50), max_width)


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:  # it is no terminal
        return 80


class _Context(click.Context):
    formatter_class = _Help


class _Verbs(click.Group):
    """The verbs of the table above: each is imported when it is asked for, and none for a list of them."""

    context_class = _Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, _ = VERBS[cmd_name]
        command: click.Command = getattr(import_module(f"lab.cli.{module}"), f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and args[0] not in VERBS and not args[0].startswith("-"):
            raise unknown_name("command", args[0], VERBS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="race-lab", prog_name="lab")
def lab() -> None:
    """How often does it go wrong, what does each guard cost, and which schedule breaks it?

    Runs check-then-act programs thousands of times on real processes, with and without guards, and tells rates and
    prices with their intervals. Start with `lab run`, which takes less than two minutes.

    Exit codes: 0 done (explore: proved), 1 a violation was found (explore, replay, race, run --fail-on-violation) or
    something is worse (compare), 2 bad usage or unreadable input, 3 output that can't be written, 4 unknown (explore
    without a verdict, replay that departs, compare that can't tell), 70 a defect in lab, 130 interrupted (everything so
    far is kept).

    Completion: add `eval "$(_LAB_COMPLETE=bash_source lab)"` to ~/.bashrc; zsh_source and fish_source work likewise.
    """


def verbs() -> dict[str, click.Command]:
    """Every verb, imported."""
    context = click.Context(lab)
    return {name: command for name in VERBS if (command := lab.get_command(context, name)) is not None}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process."""
    _open_what_is_closed()
    sys.exit(_exit_code(arguments))


def _open_what_is_closed() -> None:
    """Or a file of results would take the number of an output that the shell has closed, and be printed into."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it takes the lowest number that is free
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        _listen()
        code = lab.main(args=arguments, standalone_mode=False) or 0
        sys.stdout.flush()
    except LabError as error:
        _say(str(error))
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        _say(f"{error.format_message()} `lab --help` and `lab COMMAND --help` tell more.")
        return 2
    except (KeyboardInterrupt, click.Abort):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _say("interrupted; everything measured so far is kept")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:  # click makes a SystemExit of a broken pipe, and when it completes
        if "_LAB_COMPLETE" in os.environ:
            return int(getattr(error, "code", None) or 0)
        if not _has_closed_output():
            return _defect(error)
        # Who reads has seen enough. Python would complain once more while flushing on its way out.
        _drop_output()
        return 0
    except OSError as error:
        _drop_output()
        _say(_refused(error))
        return OutputError.exit_code
    except Exception as error:  # noqa: BLE001 - the last word on what nobody foresaw
        return _defect(error)
    return int(code)


def _refused(error: OSError) -> str:
    import traceback

    reason = error.strerror or str(error)
    last = list(traceback.walk_tb(error.__traceback__))[-1][0].f_globals["__name__"]
    if (error.filename is None and last.partition(".")[0] in ("click", "rich")) or last == __name__:
        return f"can't write the output: {reason}. Send it elsewhere; what was measured is kept."
    where = "" if error.filename is None else f" ({os.fsdecode(error.filename)})"
    return (
        f"the system refuses: {reason}{where}. Make room for files, memory or processes, or try with fewer of "
        "them; what was measured is kept."
    )


def _defect(error: BaseException) -> int:
    import traceback

    frame = traceback.extract_tb(error.__traceback__)[-1]
    _say(
        f"a defect in lab, not in your program: {type(error).__name__}: {error} "
        f"({frame.filename}:{frame.lineno}). Please report this line, with the command, to race-lab's maintainers."
    )
    return DEFECT


def _has_closed_output() -> bool:
    """True if nobody reads standard output, or standard error, any more: no other pipe of lab's own ends it."""
    import select

    poll = select.poll()
    for descriptor in (1, 2):
        poll.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _listen() -> None:
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        click.echo(f"lab: {text}", err=True)
