"""keras-kd-train: teacher, baseline, student, exports and report with one command.

keras-kd-train --config=configs/digits.py --workdir=DIR [--config.key=value ...]

--config            file with get_config(); its keys: keras_kd/config/keys.py
--config.KEY=VALUE  changes one of its values
--workdir           directory of this run; started again, a stopped run goes on
--preview=FILE.png  only draws what teacher and student see
--dry_run           only tells the plan, and takes two steps on random images: no data, no files
--watch             follows the run on a page of this machine, http://127.0.0.1:8010; --port=N
--profile=STEPS     only times the distillation, and how long its step waits for data
--strategy          auto, one_device, mirrored, multi_worker (reads TF_CONFIG) or tpu
--tpu=NAME          the TPU to use; empty for the one of this machine
--worker_timeout    seconds to wait for the other workers
--data_service      grpc://host:port of a tf.data service that makes the training batches
--virtual_devices   splits the CPU in this many replicas
--xla_cache=DIR     keeps what XLA compiled for later starts on this machine
"""

import contextlib
import hashlib
import shlex
import sys

from absl import flags
from ml_collections import config_flags

from keras_kd.commands import console
from keras_kd.commands.page import invitation
from keras_kd.distribution import rendezvous
from keras_kd.utils import xla_cache
from keras_kd.utils.signals import Stopped, leave_on_sigterm, noted_before

FLAGS = flags.FLAGS
CONFIG = config_flags.DEFINE_config_file(
    "config", None, "File with get_config(), see configs/; --config.key=value changes a value."
)
WORKDIR = flags.DEFINE_string("workdir", None, "Directory of this run; a stopped run goes on.")
STRATEGY = flags.DEFINE_string(
    "strategy", "auto", "Where to train: auto, one_device, mirrored, multi_worker or tpu."
)
TPU = flags.DEFINE_string("tpu", "", "Name or address of the TPU; empty for this machine's.")
WORKER_TIMEOUT = flags.DEFINE_float(
    "worker_timeout", 300.0, "Seconds to wait for the other workers.", lower_bound=0.0
)
DATA_SERVICE = flags.DEFINE_string(
    "data_service", "", "grpc://host:port of a tf.data service that makes the training batches."
)
VIRTUAL_DEVICES = flags.DEFINE_integer(
    "virtual_devices", 1, "Splits the CPU in this many replicas.", lower_bound=1
)
XLA_CACHE = flags.DEFINE_string(
    "xla_cache", "", "Folder that keeps what XLA compiled, for later starts on this machine."
)
PREVIEW = flags.DEFINE_string(
    "preview", None, "Only draw what teacher and student see into this PNG file, and stop."
)
DRY_RUN = flags.DEFINE_bool(
    "dry_run", False, "Only tell the plan, and take two steps on random images: writes no file."
)
WATCH = flags.DEFINE_bool("watch", False, "Follow the run on a page of this machine.")
PROFILE = flags.DEFINE_integer(
    "profile", 0, "Only time this many steps of the distillation, and stop.", lower_bound=0
)


def train():
    """Does what the flags say."""
    config, workdir = CONFIG.value, WORKDIR.value
    if config is None:
        raise ValueError("--config is missing. Give a file, for example configs/digits.py.")
    if not workdir and not (PREVIEW.value or DRY_RUN.value):
        raise ValueError("--workdir is missing. Give a directory for this run's files.")
    if WATCH.value and (PREVIEW.value or DRY_RUN.value or PROFILE.value):
        raise ValueError(
            "--watch follows a training. Received: --watch beside --preview, --dry_run or "
            "--profile, which do not train. Leave one of them out."
        )
    # Only the chief of a cluster writes files.
    leads = STRATEGY.value not in ("auto", "multi_worker") or rendezvous.leads()
    console.set_native_notes_aside(workdir if leads and not DRY_RUN.value else None)
    if XLA_CACHE.value:
        xla_cache.enable(XLA_CACHE.value)

    from keras_kd import export
    from keras_kd.run.story import preview

    formats = export.check_formats(config.export.formats)
    if PREVIEW.value:
        print(f"Wrote {preview(config, PREVIEW.value, workdir or None)}")
        return
    if DRY_RUN.value:
        from keras_kd.run.dry_run import dry_run

        _check_single_replica("--dry_run")
        dry_run(config, workdir=workdir or None)
        return
    if PROFILE.value:
        from keras_kd.run import profiling

        _check_single_replica(f"--profile={PROFILE.value}")
        print(profiling.describe(profiling.profile(config, workdir, PROFILE.value)))
        return
    with _watched(workdir) if WATCH.value and leads else contextlib.nullcontext():
        report = run_with_workers(config, workdir)
    if not leads:
        return
    missing = [name for name in formats if name not in report["exports"]]
    if missing:
        export.export(workdir, missing, export.Options.of(config.export))
    page = export.render(workdir)
    print(export.summary_table(workdir))
    print(f"Report: {page}")
    print(invitation(workdir))


@contextlib.contextmanager
def _watched(workdir):
    """Serves the page that follows the run while the block trains."""
    from keras_kd.export.watch import watching

    with watching(workdir, FLAGS.port) as address:
        print(f"{address} follows the run.", flush=True)
        yield


def _check_single_replica(flag):
    """Refuses flags beside one that times a single replica that feeds itself."""
    ignored = {
        "strategy": STRATEGY.value not in ("auto", "one_device"),
        "tpu": TPU.value,
        "virtual_devices": VIRTUAL_DEVICES.value > 1,
        "data_service": DATA_SERVICE.value,
    }
    given = [f"--{name}={FLAGS[name].value}" for name, found in ignored.items() if found]
    if given:
        raise ValueError(
            f"{flag.partition('=')[0]} times one replica that makes its own batches. Received: "
            f"{flag} {' '.join(given)}. Leave the latter out."
        )


def run_with_workers(config, workdir):
    """The run's report. If another worker is lost, this process starts anew and waits for it.

    Raises:
        Stopped: a worker was lost after a signal had come; this process leaves as well.
    """
    from keras_kd.data import service
    from keras_kd.distribution import strategies
    from keras_kd.run import run

    run_id = hashlib.sha256(config.to_json_best_effort(sort_keys=True).encode()).hexdigest()
    try:
        strategy = strategies.build(
            STRATEGY.value, VIRTUAL_DEVICES.value, TPU.value, WORKER_TIMEOUT.value, run_id
        )
        command = shlex.join(["keras-kd-train", *sys.argv[1:]])
        return run(config, workdir, strategy, command=command, data_service=DATA_SERVICE.value)
    except Exception as error:
        if (failed := service.failure(error)) is not None:
            raise failed from error
        if not rendezvous.lost_a_worker(error):
            raise
        print(f"Lost a worker of the cluster: {rendezvous.why_lost(error)}")
        signum = noted_before(error)
        if signum is not None:
            raise Stopped(signum) from error
        print("Waiting for it, to go on from the last checkpoint.")
        rendezvous.start_again()


def main():
    """Entry point of the command."""
    leave_on_sigterm()
    # Not above: other commands have a port too, and may share a process.
    console.define("port", flags.DEFINE_integer, 8010, "Port of --watch; 0 for any free one.")
    console.run(
        "keras-kd-train", __doc__, train, goes_on="The same command goes on from what is saved."
    )


if __name__ == "__main__":
    main()
