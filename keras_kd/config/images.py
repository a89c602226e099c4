"""What a config may not ask for where a student learns from images of another data set."""

from keras_kd import methods


def check(config, need):
    """Refuses what needs labels where those of the images mean nothing.

    Args:
        config: ConfigDict of a run.
        need: function `(condition, key, what)` that raises a ValueError about a key.
    """
    if not config.data.eval_source:
        return
    why = "with data.eval_source, since the labels of data.source mean nothing to the teacher"
    need(config.teacher.handle, "teacher.handle", f"a teacher of eval_source's classes {why}")
    need(not config.baseline.enabled, "baseline.enabled", f"False {why}")
    need(config.distil.label_weight == 0, "distil.label_weight", f"0 {why}")
    for name, kwargs in config.distil.methods.items():
        if methods.get(name, **kwargs).needs_labels:
            raise ValueError(
                f"config.distil.methods must do without labels {why}. Received: {name!r}, which "
                "needs them. Choose a method such as soft_targets."
            )
