"""What the commands share: a quiet console, and an end that fits whatever happened."""

import contextlib
import logging
import os
import signal
import sys
import traceback
import warnings
from pathlib import Path

from absl import app, flags
from absl import logging as absl_logging

from keras_kd.commands import mistakes
from keras_kd.commands.parsing import parse
from keras_kd.utils.signals import Stopped

TRACEBACK = "KERAS_KD_TRACEBACK"  # an environment variable that shows it for mistakes too


def run(program, about, action, argv=None, goes_on="", takes_words=False):
    """Runs a command and ends the process.

    What the package logs (`logging.getLogger("keras_kd")`, from INFO on) and warns of is printed
    to stdout, a plain line each. The exit code is 0; 2 after a user's mistake, told in a sentence;
    1 after a bug, told with its traceback; 128 and the signal's number after a signal.

    Args:
        program: its name, such as `keras-kd-train`.
        about: text for --help, above the flags.
        action: function without arguments, or of the list of words that are no flags.
        argv: list of str, the program first; default: the process's own.
        goes_on: sentence for who stops it: what the same command will do.
        takes_words: whether `action` takes such words; elsewhere they are refused.
    """

    def guarded(positional):
        if len(positional) > 1 and not takes_words:
            received = " ".join(positional[1:])
            raise ValueError(f"Expected flags only. Received: {received!r}. Try --help.")
        absl_logging.set_verbosity(absl_logging.WARNING)
        action(*([positional[1:]] if takes_words else []))

    sys.modules["__main__"].__doc__ = about
    absl_logging.set_verbosity(absl_logging.ERROR)  # what parsing adds to our own words
    try:
        with messages():
            app.run(guarded, argv=argv, flags_parser=parse)
    except KeyboardInterrupt as stop:
        told = str(stop) if isinstance(stop, Stopped) else f"Stopped. {goes_on}".strip()
        print(f"\n{told}", file=sys.stderr)
        sys.exit(getattr(stop, "code", 128 + signal.SIGINT))
    except Exception as error:  # told, and never taken for a success
        sys.exit(explain(program, error))


def explain(program, error):
    """Prints an exception as what it is, a mistake of the user or a bug: the exit code, 2 or 1."""
    sentence = mistakes.sentence(error)
    if sentence is None or os.environ.get(TRACEBACK):
        traceback.print_exception(error, file=sys.stderr)
    print(f"{program}: {sentence or mistakes.bug_report(error)}", file=sys.stderr)
    return 1 if sentence is None else 2


@contextlib.contextmanager
def messages():
    """Shows what the package logs and warns of, until the block ends."""
    logger, handler = logging.getLogger("keras_kd"), _Lines()
    before = logger.level, logger.propagate, warnings.showwarning
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # absl's handler would print the lines again, in its own way
    warnings.showwarning = _show_warning
    try:
        yield
    finally:
        logger.removeHandler(handler)
        level, logger.propagate, warnings.showwarning = before
        logger.setLevel(level)  # which forgets what it has remembered of the other


class _Lines(logging.Handler):
    """Prints messages as they are, at once, so that a log file shows where a run stands."""

    def emit(self, record):
        print(self.format(record), flush=True)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """Prints a warning of ours, or of the user's own code; others join TensorFlow's notes."""
    caller = sys._getframe(1)
    while caller.f_globals.get("__name__") == "warnings":
        caller = caller.f_back
    if mistakes.is_ours(caller) or not mistakes.is_library(caller):
        print(f"Warning: {message}", flush=True)
    else:
        print(warnings.formatwarning(message, category, filename, lineno, line),
              end="", file=sys.__stderr__)  # fmt: skip


def set_native_notes_aside(workdir=None):
    """Sends what TensorFlow's C++ side prints to the run's `tensorflow.log`, not to the user.

    The package's own messages, errors and progress bars still reach the console. Call it before
    TensorFlow is imported.

    Args:
        workdir: the working directory, made if missing; None drops the notes.

    Raises:
        OSError: the directory cannot be written.
    """
    notes = Path(os.devnull)
    if workdir and not Path(workdir).is_file():  # a file is refused later, by name
        notes = Path(workdir) / "tensorflow.log"
    try:
        notes.parent.mkdir(parents=True, exist_ok=True)
        log = open(notes, "ab")  # noqa: SIM115, closed below
    except OSError as error:
        raise OSError(
            error.errno,
            f"The directory of --workdir must be writable ({error.strerror}). Received: "
            f"workdir={workdir}. Make it so, or give another --workdir",
        ) from error
    with log:
        console = os.dup(2)
        os.dup2(log.fileno(), 2)
    sys.stderr = os.fdopen(console, "w", buffering=1)


def define(name, definer, default, text):
    """Defines a flag unless another command of this process has; within --help, by its program."""
    if name not in flags.FLAGS:
        definer(name, default, text, module_name=sys.argv[0])
