"""keras-kd-train: teacher, baseline, student, exports and report with one command.

keras-kd-train --config=configs/digits.py --workdir=DIR [--config.key=value ...]

--config            file with get_config(); its keys: keras_kd/config.py
--config.KEY=VALUE  changes one of its values
--workdir           directory of this run; started again, a stopped run goes on
--preview=FILE.png  only draws what teacher and student see
--virtual_devices   splits the CPU in this many replicas
"""

import shlex
import signal
import sys

from absl import app, flags, logging
from ml_collections import config_flags

from keras_kd.console import leave, set_native_notes_aside
from keras_kd.signals import Stopped, leave_on_sigterm

CONFIG = config_flags.DEFINE_config_file(
    "config", None, "File with get_config(), see configs/; --config.key=value changes a value."
)
WORKDIR = flags.DEFINE_string("workdir", None, "Directory of this run; a stopped run goes on.")
VIRTUAL_DEVICES = flags.DEFINE_integer(
    "virtual_devices", 1, "Splits the CPU in this many replicas.", lower_bound=1
)
PREVIEW = flags.DEFINE_string(
    "preview", None, "Only draw what teacher and student see into this PNG file, and stop."
)


def train(_):
    """Does what the flags say."""
    logging.set_verbosity(logging.WARNING)
    config, workdir = CONFIG.value, WORKDIR.value
    if config is None:
        raise ValueError("--config is missing. Give a file, for example configs/digits.py.")
    if not workdir and not PREVIEW.value:
        raise ValueError("--workdir is missing. Give a directory for this run's files.")
    set_native_notes_aside(workdir)

    from keras_kd import distribute, export
    from keras_kd.run import preview, run

    export.check_formats(config.export.formats)
    if PREVIEW.value:
        print(f"Wrote {preview(config, PREVIEW.value)}")
        return
    strategy = distribute.mirrored(distribute.virtual_cpus(VIRTUAL_DEVICES.value))
    command = shlex.join(["keras-kd-train", *sys.argv[1:]])
    report = run(config, workdir, strategy, progress=print, command=command)
    missing = [name for name in config.export.formats if name not in report["exports"]]
    if missing:
        export.export(workdir, missing)
    page = export.render(workdir)
    print(export.summary_table(workdir))
    print(f"Report: {page}")


def main():
    """Entry point of the command: a user's mistake ends in one sentence and exit code 2."""
    sys.modules["__main__"].__doc__ = __doc__  # what --help prints
    leave_on_sigterm()
    try:
        app.run(train)
    except KeyboardInterrupt as stop:
        stop = stop if isinstance(stop, Stopped) else Stopped(signal.SIGINT)
        print(f"\n{stop}", file=sys.stderr)
        sys.exit(stop.code)
    except (ValueError, OSError, RuntimeError, TypeError, AttributeError, KeyError) as error:
        leave("keras-kd-train", error)


if __name__ == "__main__":
    main()
