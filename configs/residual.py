"""Digits by residual distillation: a student, and an assistant that learns what the student lacks.

The student follows the teacher. Then it stays as it is, and the assistant learns, on the student's
last features, what is missing to the teacher's. Student and assistant have together as many weights
as the demo's student alone. Both leave as one network; with --config.assist.enabled=False the
student leaves alone.

Paper: Gao et al. 2020, "Residual Knowledge Distillation", arXiv 2002.09168.
Command: keras-kd-train --config=configs/residual.py --workdir=workdir/residual
Published result: none on digits, which are here to show the scheme in minutes.
"""

from keras_kd.config import network, stage
from keras_kd.configs import digits

WIDTH = 0.7  # of the demo's student: half its weights


def get_config():
    """The demo's config with a narrower student, and a stage for its assistant."""
    config = digits.get_config()
    config.name = "residual"
    config.student.model.kwargs.width = WIDTH
    options = config.student.model.kwargs.to_dict()
    config.corrected = network(
        "residual", of="distil", assistant="resnet", options=options, tap="pre_logits"
    )
    config.assist = stage(
        network="corrected",
        teachers=("teacher",),
        methods={
            "hint": {"student_taps": ["corrected"], "teacher_taps": ["pre_logits"]},
            "soft_targets": {"temperature": 2.0},
        },
        label_weight=0.0,
        mode="mix",
        total="60 epochs",
        interval="5 epochs",
    )
    config.stages = ("teacher", "baseline", "distil", "assist")
    return config
