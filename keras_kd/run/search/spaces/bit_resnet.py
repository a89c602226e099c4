"""BiT networks: the blocks of each stage, and the width of all."""

LEAST_SIDE = 32
STAGES = 4


def draw(trial, given):
    """Arguments of `keras_kd.models.bit_resnet`."""
    blocks = [trial.suggest_int(f"bit_resnet_blocks{one}", 1, 4) for one in range(1, STAGES + 1)]
    width = trial.suggest_categorical("bit_resnet_width", [0.125, 0.25, 0.5, 1.0])
    return {**given.kwargs, "depth": blocks, "width": width}
