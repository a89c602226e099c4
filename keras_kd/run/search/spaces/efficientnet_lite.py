"""EfficientNet-Lite: width, blocks, kernel and expansion of each stage, and the head's channels."""

from keras_kd.models.efficientnet_lite import STAGES

LEAST_SIDE = 32
EIGHTH = 8  # channels are whole multiples, as kernels like them


def draw(trial, given):
    """Arguments of `keras_kd.models.efficientnet_lite`; weights of a file fit none of these."""
    rows = []
    for number, (expansion, kernel, _, blocks, channels) in enumerate(STAGES, start=1):
        name = f"efficientnet_lite_{{}}{number}"
        share = trial.suggest_float(name.format("width"), 0.25, 1.0, step=0.125)
        if expansion > 1:  # the first stage expands nothing
            expansion = trial.suggest_categorical(name.format("expansion"), [2, 3, 4, 6])
        kernel = trial.suggest_categorical(name.format("kernel"), [3, 5])
        if blocks > 1:
            blocks = trial.suggest_int(name.format("blocks"), 1, blocks)
        rows.append([expansion, kernel, blocks, EIGHTH * max(1, round(share * channels / EIGHTH))])
    head = trial.suggest_categorical("efficientnet_lite_head", [256, 512, 768, 1280])
    return {**given.kwargs, "weights": None, "stages": rows, "head_channels": head}
