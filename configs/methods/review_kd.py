"""Knowledge review of every stage and of the pooled features.

Paper: Chen et al. 2021, arXiv 2104.09044.
Command: keras-kd-train --config=configs/methods/review_kd.py \\
    --workdir=workdir/review_kd --config.data.data_dir=DATA
"""

from keras_kd.configs.methods import before_relu, experiment


def get_config():
    """The shared experiment with this method."""
    # mdistiller's weight, 1 (the authors' is 0.6 for a pair of plain ResNets), and layers: the
    # student's after the ReLU, the teacher's before. The warm-up is as long a share of the run,
    # 20 / 240.
    layers = {
        "student_taps": ["stage1", "stage2", "stage3", "pre_logits"],
        "teacher_taps": [*before_relu(1, 2, 3)["teacher_taps"], "pre_logits"],
    }
    return experiment("review_kd", {"review_kd": {**layers, "warmup": "8.3 percent"}})
