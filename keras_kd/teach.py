"""keras-kd-teach: computes a run's soft targets once, for any number of students and restarts.

keras-kd-teach --config=configs/digits.py --workdir=DIR [--epochs=A:B] [--config.key=value ...]

--config           file with get_config(), as for keras-kd-train
--workdir          directory of the run; a teacher that the config trains is trained there first
--epochs           epochs A to before B of the distillation: 0:50, 50: or :50; default: all
--cache            folder to fill; default: config.teacher_cache, else WORKDIR/teacher_cache
--dtype            float16 (2 bytes a class) or float32 (the live teacher's targets to the bit)
--top_k            keep the k largest classes only and spread the rest's mass; 0 keeps all
--steps_per_shard  steps a file; 0 chooses by size

Start it as often as you like, on as many machines as see the folder: each takes what nobody has
(one process an accelerator: choose with CUDA_VISIBLE_DEVICES). Stopped, it goes on where it was.
Then train with --config.teacher_cache=FOLDER.
"""

import re
import sys
import time
from pathlib import Path

from absl import app, flags, logging
from ml_collections import config_flags
from tqdm import tqdm

from keras_kd import signals
from keras_kd.config import check, steps
from keras_kd.console import leave, parse_flags, set_native_notes_aside
from keras_kd.workdir import Workdir


def teach(
    config,
    workdir,
    epochs=":",
    cache=None,
    dtype="float16",
    top_k=0,
    steps_per_shard=0,
    progress=lambda line: None,
):
    """Fills a teacher cache for the distillation of a config.

    Args:
        config: ConfigDict, see `keras_kd.config.base`.
        workdir: path of the run's working directory; made if missing.
        epochs: "A:B", "A:", ":B" or ":", epochs of the distillation from 0 on; B may lie beyond
            its end, for longer students. Rounded to whole shards.
        cache: folder to fill; default: `config.teacher_cache` or `workdir/teacher_cache`.
        dtype: `float16` or `float32`.
        top_k: classes to keep; 0 for all.
        steps_per_shard: steps a file; 0 to choose by size.
        progress: function that is told, line by line, what happens.

    Returns:
        dict: `path`, `steps` (the shards' first and the one after the last), `images` and
        `images_per_second` of this process, `bytes_per_image` (and epoch), `bytes` in all.

    Raises:
        ValueError: a config, epochs or a layout that cannot be, or a cache of another run.
        CacheWriteError: the folder cannot be written.
    """
    # A mistake in the flags shows before TensorFlow is there.
    import tensorflow as tf

    from keras_kd import run
    from keras_kd.targets import check_kept
    from keras_kd.teachers.cache import Layout, TeacherCache
    from keras_kd.teachers.cache_claims import alone
    from keras_kd.teachers.cache_files import check_writable
    from keras_kd.teachers.cache_fingerprint import of_teacher
    from keras_kd.teachers.cache_writer import fill

    config, workdir = run.prepare(config), Path(workdir)
    path = Path(cache or config.teacher_cache or workdir / "teacher_cache")
    user = config.copy_and_resolve_references()
    user.teacher_cache = str(path)
    check(user)  # of the targets: some methods can do nothing with them
    source = run.load_source(config, index_dir=str(workdir / "index"))
    streams = run.Streams(config, source)
    first, stop = step_range(epochs, config, streams.num_examples)
    layout = Layout(config.batch_size, source.num_classes, dtype, top_k, steps_per_shard)
    check_kept(config, top_k)
    images, seen = streams.taught(config.distil)
    size = layout.steps_per_shard
    shards = range(first // size, -(-stop // size))
    # Before hours of training a teacher.
    TeacherCache.check_folder(path, seen, layout)
    if not (path / "cache.json").exists() or not TeacherCache(path).shards().issuperset(shards):
        check_writable(path)
    with alone(workdir, progress):
        opened = Workdir(workdir, config)  # refuses the directory of another config
    teacher = trained_teacher(config, opened, source, streams, progress)
    with alone(workdir, progress):  # one process times the engines, the others follow
        compiled = run.compiled_teacher(config, opened, teacher, streams, progress)
    notes = {"engine": compiled.engine}  # told, not compared: engines differ by rounding
    cache = TeacherCache.create(path, {**seen, **of_teacher(teacher)}, layout, notes)
    per_step, began = layout.batch_size, time.monotonic()
    interval = 0.5 if sys.stderr.isatty() else 10.0
    total = len(shards) * size * per_step
    with tqdm(desc="teach", total=total, unit="img", unit_scale=True, mininterval=interval) as bar:
        computed = fill(cache, shards, images, tf.function(compiled), bar.update, progress)
    return {
        "path": str(path),
        "steps": (shards[0] * size, shards[-1] * size + size),
        "images": computed,
        "images_per_second": computed / (time.monotonic() - began),
        "bytes_per_image": layout.codec.bytes_per_image,
        "bytes": len(shards) * layout.shard_bytes,
    }


def step_range(epochs, config, num_examples):
    """The steps that "A:B" means: (first, the one after the last).

    Args:
        epochs: text; A defaults to 0, B to the end of the distillation.
        config: ConfigDict of the run.
        num_examples: training examples an epoch.

    Raises:
        ValueError: not two numbers, or nothing between them.
    """
    number = r"\s*(\d+(?:\.\d+)?|)\s*"
    match = re.fullmatch(f"{number}:{number}", str(epochs))
    if match is None:
        raise ValueError(
            "epochs must be A:B, two numbers of at least 0, each of which may be missing. "
            f"Received: epochs={epochs!r}. Write for example 0:50, 50: or :50."
        )
    lengths = {"batch_size": config.batch_size, "num_examples": num_examples}
    first = steps(f"{match[1] or 0} epochs", **lengths)
    stop = steps(f"{match[2]} epochs" if match[2] else config.distil.total, **lengths)
    # The stage rounds its length up to whole executions.
    stop = stop if match[2] else -(-stop // config.steps_per_execution) * config.steps_per_execution
    if first >= stop:
        raise ValueError(
            "epochs must be A:B with A below B. Received: "
            f"epochs={epochs!r}, which is steps {first} to {stop}."
        )
    return first, stop


def trained_teacher(config, workdir, source, streams, progress=lambda line: None):
    """The teacher that the run will have: loaded, trained before, or trained now.

    Args:
        config: ConfigDict of the run.
        workdir: its `Workdir`.
        source: `keras_kd.data.Source`.
        streams: `keras_kd.streams.Streams`.
        progress: function that is told, line by line, what happens.

    Returns:
        a frozen Keras model.
    """
    from keras_kd import run, teachers

    if config.teacher.handle:
        return run.get_teacher(config, source, streams)
    if workdir.result("teacher") is None or not (workdir / "teacher.keras").exists():
        teacher = run.get_teacher(config, source, streams)
        run.train_teacher(config, workdir, teacher, streams, progress)
        return teacher
    shape = (streams.teacher_resolution, streams.teacher_resolution, source.channels)
    return teachers.load(str(workdir / "teacher.keras"), source.num_classes, shape)


def main():
    """Entry point of the command: a user's mistake ends in one sentence and exit code 2."""
    sys.modules["__main__"].__doc__ = __doc__  # what --help prints
    values = {
        "config": config_flags.DEFINE_config_file("config", None, "File with get_config()."),
        "workdir": flags.DEFINE_string("workdir", None, "Directory of the run."),
        "epochs": flags.DEFINE_string("epochs", ":", "Epochs A:B of the distillation."),
        "cache": flags.DEFINE_string("cache", None, "Folder to fill."),
        "dtype": flags.DEFINE_string("dtype", "float16", "float16 or float32."),
        "top_k": flags.DEFINE_integer("top_k", 0, "Classes to keep; 0 for all."),
        "steps_per_shard": flags.DEFINE_integer("steps_per_shard", 0, "Steps a file; 0: by size."),
    }
    signals.leave_on_sigterm()  # so that claims are given up
    try:
        app.run(
            lambda _: _command(**{name: flag.value for name, flag in values.items()}),
            flags_parser=parse_flags,
        )
    except KeyboardInterrupt as stopped:
        print("\nStopped. The same command goes on with what is missing.", file=sys.stderr)
        sys.exit(getattr(stopped, "code", 130))
    except (ValueError, OSError, RuntimeError, TypeError, AttributeError, KeyError) as error:
        leave("keras-kd-teach", error)


def _command(config, workdir, **options):
    """Does what the flags say, and tells what it costs."""
    logging.set_verbosity(logging.WARNING)
    if config is None:
        raise ValueError("--config is missing. Give a file, for example configs/digits.py.")
    if not workdir:
        raise ValueError("--workdir is missing. Give the directory of the run.")
    set_native_notes_aside(workdir)
    done = teach(config, workdir, progress=print, **options)
    first, stop = done["steps"]
    print(
        f"{done['path']}: steps {first:,} to {stop:,}, {done['bytes_per_image']} bytes per image "
        f"and epoch, {done['bytes'] / 1e6:,.1f} MB. Computed here: {done['images']:,} images, "
        f"{done['images_per_second']:,.0f} images/s. Train with "
        f"--config.teacher_cache={done['path']}"
    )


if __name__ == "__main__":
    main()
