"""Small residual networks: the width of each stage, the depth, the kernels."""

LEAST_SIDE = 8


def draw(trial, given):
    """Arguments of `keras_kd.models.resnet`; no stage has fewer channels than the one before."""
    widths = [trial.suggest_float("resnet_width1", 0.25, 1.5, step=0.125)]
    for stage in (2, 3):
        grown = trial.suggest_float(f"resnet_growth{stage}", 0.5, 1.5, step=0.125)
        widths.append(widths[-1] * grown)
    return {
        **given.kwargs,
        "depth": trial.suggest_categorical("resnet_depth", [8, 14, 20]),
        "width": widths,
        "kernel": trial.suggest_categorical("resnet_kernel", [3, 5]),
    }
