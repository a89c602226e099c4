"""Computes a run's soft targets once, for any number of students and restarts."""

import re
import time
from pathlib import Path

from keras_kd.config import check
from keras_kd.run.lines import lines_to


def teach(
    config,
    workdir,
    epochs=":",
    cache=None,
    dtype="float16",
    top_k=0,
    steps_per_shard=0,
    progress=None,
):
    """Fills a teacher cache for the last stage of a config.

    Args:
        config: ConfigDict, see `keras_kd.config.base`.
        workdir: path of the run's working directory; made if missing.
        epochs: "A:B", "A:", ":B" or ":", epochs of the distillation from 0 on; B may lie beyond
            its end, for longer students. Rounded to whole shards.
        cache: folder to fill; default: `config.teacher_cache` or `workdir/teacher_cache`.
        dtype: `float16` or `float32`.
        top_k: classes to keep; 0 for all.
        steps_per_shard: steps a file; 0 to choose by size.
        progress: function that is told, line by line, what the package logs, or None.

    Returns:
        dict: `path`, `steps` (the shards' first and the one after the last), `images` and
        `images_per_second` of this process, `bytes_per_image` (and epoch), `bytes` in all.

    Raises:
        ValueError: a config, epochs or a layout that cannot be, or a cache of another run.
        OSError: the folder cannot be written.
    """
    with lines_to(progress):
        return _teach(config, workdir, epochs, cache, (dtype, top_k, steps_per_shard))


def _teach(config, workdir, epochs, cache, packing):
    # A mistake in the flags shows before TensorFlow is there.
    import tensorflow as tf

    from keras_kd.config.training import methods_of
    from keras_kd.distillation.checks import refuse_answers
    from keras_kd.run.budget import settled
    from keras_kd.run.door import check_teachers
    from keras_kd.run.experiment import Experiment
    from keras_kd.run.targets import answering, check_kept
    from keras_kd.teachers.cache.fingerprint import of_teacher
    from keras_kd.teachers.cache.store import Layout, TeacherCache
    from keras_kd.teachers.cache.writer import fill
    from keras_kd.utils.bars import progress_bar
    from keras_kd.utils.files import check_writable
    from keras_kd.utils.locks import exclusive

    experiment = Experiment(settled(config, workdir), workdir)
    config, stage = experiment.config, experiment.last
    path = Path(cache or config.teacher_cache or experiment.path / "teacher_cache")
    user = config.copy_and_resolve_references()
    user.teacher_cache = str(path)
    check(user)  # of the targets: some methods can do nothing with them
    first, stop = step_range(epochs, stage.settings, experiment.lengths_of(stage))
    dtype, top_k, steps_per_shard = packing
    layout = Layout(config.batch_size, experiment.source.num_classes, dtype, top_k, steps_per_shard)
    check_kept(stage, top_k)
    asked, seen = experiment.streams.asked(stage)
    size = layout.steps_per_shard
    shards = range(first // size, -(-stop // size))
    # Before hours of training a teacher.
    TeacherCache.check_folder(path, seen, layout)
    fresh = not (path / "cache.json").exists()
    if fresh or not TeacherCache(path).shards().issuperset(shards):
        check_writable(path)
    with exclusive(experiment.path):
        _ = experiment.workdir  # refuses the directory of another config
    if fresh:  # else it came in when the cache was begun
        check_teachers(experiment)
    experiment.train_teachers(stage)
    teacher = experiment.teacher(stage)
    refuse_answers(methods_of(stage.settings), {"teacher": teacher})
    with exclusive(experiment.path):  # one process times the engines, the others follow
        compiled = experiment.compiled_teacher(stage, teacher)
    notes = {"engine": compiled.engine}  # told, not compared: engines differ by rounding
    cache = TeacherCache.create(path, {**seen, **of_teacher(teacher)}, layout, notes)
    per_step, began = layout.batch_size, time.monotonic()
    total = len(shards) * size * per_step
    with progress_bar("teach", total) as bar:
        answer = tf.function(answering(config, stage, compiled))
        computed = fill(cache, shards, asked, answer, bar.update)
    return {
        "path": str(path),
        "steps": (shards[0] * size, shards[-1] * size + size),
        "images": computed,
        "images_per_second": computed / (time.monotonic() - began),
        "bytes_per_image": layout.codec.bytes_per_image,
        "bytes": len(shards) * layout.shard_bytes,
    }


def step_range(epochs, settings, lengths):
    """The steps that "A:B" means: (first, the one after the last).

    Args:
        epochs: text; A defaults to 0, B to the end of the distillation.
        settings: section of the stage that is to learn.
        lengths: `keras_kd.training.lengths.Lengths` of the run.

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
    first = lengths.steps(f"{match[1] or 0} epochs")
    stop = lengths.steps(f"{match[2]} epochs") if match[2] else lengths.total(settings)
    if first >= stop:
        raise ValueError(
            "epochs must be A:B with A below B. Received: "
            f"epochs={epochs!r}, which is steps {first} to {stop}."
        )
    return first, stop
