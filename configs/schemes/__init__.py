"""Schemes of who teaches whom, each on the embedded digits, in a minute or two on a CPU."""

from keras_kd.configs import digits


def scheme(name, methods, label_weight=1.0, mode="same/ic"):
    """A student of the demo that no fixed teacher teaches, beside the same one on labels alone.

    Args:
        name: name of the experiment, that of its file.
        methods: dict from method to arguments, see `keras_kd.methods`.
        label_weight: factor of the labels' cross-entropy.
        mode: what the student sees.

    Returns:
        an `ml_collections.ConfigDict`.
    """
    config = digits.get_config()
    config.name = name
    config.stages = ("baseline", "distil")
    config.distil.teachers = ()
    config.distil.update(mode=mode, total="40 epochs", label_weight=label_weight)
    config.distil.methods = methods
    return config
