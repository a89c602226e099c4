"""What the commands share: a quiet console, and mistakes told in one sentence."""

import os
import re
import sys
from pathlib import Path

from absl import app, flags


def set_native_notes_aside(workdir=None):
    """Sends what TensorFlow's C++ side prints to the run's `tensorflow.log`, not to the user.

    Python's own messages, errors and progress bars still reach the console. Call it before
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


def leave(program, error):
    """Ends the process with exit code 2 and one line; KERAS_KD_TRACEBACK=1 shows the traceback.

    Args:
        program: name of the command.
        error: the exception that a user's mistake raised.
    """
    if os.environ.get("KERAS_KD_TRACEBACK"):
        raise error
    message = " ".join(str(error).replace("\\'", "'").replace("\\n", ". ").split())
    # ml_collections tells an unknown key by the key alone, quoted as a KeyError is.
    unknown = re.fullmatch(r"[\"']*(\w+)[\"']*(\.? Did you mean .*?)?[\"']?", message)
    if isinstance(error, AttributeError | KeyError) and unknown:
        hint = (unknown[2] or "").lstrip(".")
        message = f"Unknown config key '{unknown[1]}'.{hint}"
    print(f"{program}: {message}", file=sys.stderr)
    sys.exit(2)


def parse_flags(argv):
    """Parses the command line for `absl.app.run`; a mistake ends as `leave` ends one.

    Absl shows the whole traceback of a config file that refuses its argument; here only what it
    says.

    Args:
        argv: list of str, the program's name first.

    Returns:
        list of str: what is no flag.
    """
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        lines = str(error).strip().splitlines()
        message = lines[-1].partition("Error: ")[2] if "Traceback" in str(error) else ""
        leave(os.path.basename(argv[0]), ValueError(message or str(error)))


def define(name, definer, default, text):
    """Defines a flag unless another command of this process has; within --help, by its program."""
    if name not in flags.FLAGS:
        definer(name, default, text, module_name=sys.argv[0])


def run_guarded(program, usage, action, argv=None):
    """Runs a command without positional arguments; a user's mistake ends it with exit code 2.

    Args:
        program: `export` of `keras-kd-export`.
        usage: a line for --help and for mistakes in the flags.
        action: function without arguments.
        argv: list of str; default: the process's own.
    """

    def guarded(positional):
        if len(positional) > 1:
            received = " ".join(positional[1:])
            _end(program, f"Expected flags only. Received: {received!r}. {usage}")
        try:
            action()
        except OSError as error:  # a full or read-only disk; the message names the file
            _end(program, f"could not read or write: {error}")
        except (ValueError, RuntimeError) as error:  # data that is gone, a split that is not there
            _end(program, error)

    def parse(arguments):
        try:
            return flags.FLAGS(arguments)
        except flags.Error as error:
            _end(program, f"{error} {usage}")

    sys.modules["__main__"].__doc__ = usage  # what --help prints above the flags
    app.run(guarded, argv=argv, flags_parser=parse)


def _end(program, message):
    print(f"keras-kd-{program}: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(2)
