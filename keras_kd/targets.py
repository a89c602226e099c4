"""The methods of a run, and the cached targets that they can learn from."""

from keras_kd import methods
from keras_kd.teachers import cache_fingerprint
from keras_kd.teachers.cache import TeacherCache
from keras_kd.teachers.cache_stream import CachedTargets


def chosen_methods(config):
    """New objects of the methods that the config names."""
    return [methods.get(name, **kwargs) for name, kwargs in config.distil.methods.items()]


def open_targets(config, streams, teacher=None):
    """The targets that keras-kd-teach computed, or None where the config names none.

    Args:
        config: the run's config.
        streams: the run's `Streams`.
        teacher: the run's teacher, or None while it is not known.

    Raises:
        ValueError: no cache, or one of another teacher, other data, views, seed or batch size, or
            one that keeps too little for the methods.
    """
    if not config.teacher_cache:
        return None
    cache = TeacherCache(config.teacher_cache)
    check_kept(config, cache.layout.top_k)
    images, expected = streams.taught(config.distil)
    expected |= {} if teacher is None else cache_fingerprint.of_teacher(teacher)
    cache.check(
        expected,
        "Fill another folder with keras-kd-teach, or leave config.teacher_cache empty.",
    )
    targets = CachedTargets(cache, config.steps_per_execution)
    if teacher is not None:
        targets.spot_check(images, lambda batch: teacher(batch, training=False))
    return targets


def check_kept(config, top_k):
    """Refuses targets of the `top_k` largest classes (0: all) for methods that need the logits."""
    for method in chosen_methods(config) if top_k else ():
        if method.needs_raw_logits:
            raise ValueError(
                "A cache of the largest classes holds probabilities, and the method "
                f"{method.name!r} needs the logits themselves. Received: top_k={top_k}. Fill a "
                "folder with keras-kd-teach --top_k=0, or choose a method such as soft_targets."
            )
