"""keras-kd-train: teacher, baseline, student, exports and report with one command.

keras-kd-train --config=configs/digits.py --workdir=workdir [--config.key=value ...]
"""

import os
import sys

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
    """Runs what the flags say; user's mistakes end in one sentence, not in a traceback."""
    try:
        _train()
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("KERAS_KD_TRACEBACK"):
            raise
        sys.exit(f"keras-kd-train: {error}")


def _train():
    # TensorFlow reads this when it is imported: its start-up notes are no news to a user.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.set_verbosity(logging.WARNING)
    import tensorflow as tf

    from keras_kd import distribute
    from keras_kd.config import check
    from keras_kd.run import preview, run

    if CONFIG.value is None:
        raise ValueError("--config is missing. Give a file, for example configs/digits.py.")
    check(CONFIG.value)
    if VIRTUAL_DEVICES.value > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        devices = [tf.config.LogicalDeviceConfiguration()] * VIRTUAL_DEVICES.value
        tf.config.set_logical_device_configuration(cpu, devices)
    if PREVIEW.value:
        print(f"Wrote {preview(CONFIG.value, PREVIEW.value)}")
        return
    if not WORKDIR.value:
        raise ValueError("--workdir is missing. Give a directory for this run's files.")
    run(CONFIG.value, WORKDIR.value, distribute.mirrored())
    finish(CONFIG.value, WORKDIR.value)


def finish(config, workdir):
    """Exports and reports what a finished run left in its working directory."""
    from keras_kd import export

    if config.export.formats:
        export.export(workdir, config.export.formats)
    page = export.render(workdir)
    print(export.summary_table(workdir))
    print(f"Report: {page}")


def main():
    """Entry point of the command."""
    app.run(train)


if __name__ == "__main__":
    main()
