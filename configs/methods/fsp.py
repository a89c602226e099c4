"""The flow from the stem to the first stage and between stages.

Paper: Yim et al. 2017, CVPR.
Command: keras-kd-train --config=configs/methods/fsp.py \\
    --workdir=workdir/fsp --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import experiment, taps


def get_config():
    """The shared experiment with this method."""
    # The peers' layers; unweighted as there, but beside the labels for the whole run instead of in
    # a first stage without them. Stages differ in size.
    layers = taps("stem", "stage1", "stage2", "stage3")
    return experiment("fsp", {"fsp": {**layers, "pool": True, "weight": 1.0}})
