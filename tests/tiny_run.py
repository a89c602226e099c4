"""The smallest whole run, from which the tests of runs start."""

from keras_kd.config import base, stage


def tiny_run(length=6, **changes):
    """A config of all stages: two intervals each, on networks of a few thousand weights.

    Args:
        length: steps of each stage, even.
        **changes: further values, by dotted key.
    """
    config = base()
    config.deterministic = True  # else two runs may choose two engines, which differ by rounding
    config.batch_size = 16
    config.data.resolution = 8
    config.data.eval_full_image = True
    config.data.train_split = "train[:64]"
    config.data.eval_split = "test[:50]"
    short = {"total": f"{length} steps", "interval": f"{length // 2} steps", "warmup": "1 steps"}
    config.teacher.model = {"name": "resnet", "kwargs": {"depth": 8, "width": 0.5}}
    config.teacher.train = stage(**short)
    config.student.model = {"name": "resnet", "kwargs": {"depth": 8, "width": 0.25}}
    config.baseline.update(short)
    config.distil.update(short)
    config.update_from_flattened_dict(changes)
    config.teacher.accept = bool(config.teacher.handle)  # in six steps nothing is learned
    return config


def with_changes(config, changes):
    """Sets values by dotted key, mistakes too: of any type, and keys that there are not."""
    config.unlock()
    for key, value in changes.items():
        *path, last = key.split(".")
        section = config
        for part in path:
            section = section[part]
        section[last] = value
    return config
