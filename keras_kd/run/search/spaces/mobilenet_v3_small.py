"""MobileNetV3-Small: its width, and whether it has the parts that cost most on integers."""

LEAST_SIDE = 32


def draw(trial, given):
    """Arguments of `keras_kd.models.mobilenet_v3_small`."""
    return {
        **given.kwargs,
        "alpha": trial.suggest_float("mobilenet_v3_small_alpha", 0.25, 1.25, step=0.125),
        "minimalistic": trial.suggest_categorical("mobilenet_v3_small_minimalistic", [True, False]),
    }
