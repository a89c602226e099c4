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

from absl import flags
from ml_collections import config_flags

from keras_kd.commands import console
from keras_kd.utils import signals


def main():
    """Entry point of the command."""
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
    console.run(
        "keras-kd-teach",
        __doc__,
        lambda: _command(**{name: flag.value for name, flag in values.items()}),
        goes_on="The same command goes on with what is missing.",
    )


def _command(config, workdir, **options):
    """Does what the flags say, and tells what it costs."""
    if config is None:
        raise ValueError("--config is missing. Give a file, for example configs/digits.py.")
    if not workdir:
        raise ValueError("--workdir is missing. Give the directory of the run.")
    console.set_native_notes_aside(workdir)
    from keras_kd.run.teach import teach

    done = teach(config, workdir, **options)
    first, stop = done["steps"]
    print(
        f"{done['path']}: steps {first:,} to {stop:,}, {done['bytes_per_image']} bytes per image "
        f"and epoch, {done['bytes'] / 1e6:,.1f} MB. Computed here: {done['images']:,} images, "
        f"{done['images_per_second']:,.0f} images/s. Train with "
        f"--config.teacher_cache={done['path']}"
    )


if __name__ == "__main__":
    main()
