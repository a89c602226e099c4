"""keras-kd-train: teacher, baseline, student, exports and report with one command.

keras-kd-train --config=configs/digits.py --workdir=workdir [--config.key=value ...]
"""

import os
import sys
from pathlib import Path

from absl import app, flags, logging
from ml_collections import config_flags

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
    if CONFIG.value is None:
        raise ValueError("--config is missing. Give a file, for example configs/digits.py.")
    if not WORKDIR.value and not PREVIEW.value:
        raise ValueError("--workdir is missing. Give a directory for this run's files.")
    _set_native_notes_aside(WORKDIR.value)
    import tensorflow as tf

    from keras_kd import distribute
    from keras_kd.export.run import FORMATS
    from keras_kd.export.tflite import known_format
    from keras_kd.run import preview, run

    for name in CONFIG.value.export.formats:
        known_format(name, FORMATS)

    if VIRTUAL_DEVICES.value > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        devices = [tf.config.LogicalDeviceConfiguration()] * VIRTUAL_DEVICES.value
        tf.config.set_logical_device_configuration(cpu, devices)
    if PREVIEW.value:
        print(f"Wrote {preview(CONFIG.value, PREVIEW.value)}")
        return
    report = run(CONFIG.value, WORKDIR.value, distribute.mirrored(), progress=print)
    _tell(CONFIG.value, WORKDIR.value, report)


def _tell(config, workdir, report):
    """Exports what is not exported yet, renders the report, and prints the table."""
    from keras_kd import export

    missing = [name for name in config.export.formats if name not in report["exports"]]
    if missing:
        export.export(workdir, missing)
    page = export.render(workdir)
    print(export.summary_table(workdir))
    print(f"Report: {page}")


def _set_native_notes_aside(workdir):
    """Sends what TensorFlow's C++ side prints to the run's `tensorflow.log`, not to the user."""
    logging.set_verbosity(logging.WARNING)
    notes = Path(os.devnull)
    if workdir and not Path(workdir).is_file():  # `run` refuses a file
        notes = Path(workdir) / "tensorflow.log"
        notes.parent.mkdir(parents=True, exist_ok=True)
    console = os.dup(2)
    with open(notes, "ab") as log:
        os.dup2(log.fileno(), 2)
    # Python's own messages, errors and progress bars still reach the console.
    sys.stderr = os.fdopen(console, "w", buffering=1)


def main():
    """Entry point of the command: a user's mistake ends in one sentence and exit code 2."""
    try:
        app.run(train)
    except AttributeError as error:
        # How ml_collections refuses a key that does not exist, with the nearest one.
        _leave(error, "Unknown config key " if "Did you mean" in str(error) else "")
    except (ValueError, OSError, RuntimeError, TypeError) as error:
        _leave(error)


def _leave(error, prefix=""):
    if os.environ.get("KERAS_KD_TRACEBACK"):
        raise error
    message = str(error).strip("\"'").replace("\\'", "'").replace("\\n", ". ")
    print(f"keras-kd-train: {prefix}{message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
