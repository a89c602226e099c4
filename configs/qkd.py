"""Digits in few bits by QKD: the student learns alone, then beside its teacher, then from it.

A student in few bits that follows a teacher from the start is held back by it. Here it first learns
from labels alone (self-study), then it and the teacher learn from each other (co-study), which
suits the teacher to what the student can give, and at last the teacher of then teaches (tutoring).
Nothing here is code: both networks go on where the stage before left them.

Paper: Kim et al. 2019, "QKD: Quantization-aware Knowledge Distillation", arXiv 1911.12491; of the
lengths of its phases only that there are three is known here.
Command: keras-kd-train --config=configs/qkd.py:2 --workdir=workdir/qkd; then
keras-kd-export --workdir=workdir/qkd --formats=int8,int4
Published result: the accuracy of floats at 3 bits for ResNets on ImageNet; none on digits.
"""

from keras_kd.config import network, stage
from keras_kd.configs import quantize_digits


def get_config(bits="2"):
    """The student of configs/quantize_digits.py, whose last stage is now the tutoring.

    Args:
        bits: of a weight: 8, 4, 3 or 2.

    Raises:
        ValueError: other bits.
    """
    config = quantize_digits.get_config(bits)
    config.name = f"qkd_digits_{bits}"
    alike = {"mode": "mix", "interval": "5 epochs", "learning_rate": 1e-3}
    config.quantized.model.kwargs.of = "baseline"
    config.self_study = stage(network="quantized", total="10 epochs", **alike)

    config.beside = network("continued", of="self_study")
    config.tutor = network("continued", of="teacher")
    config.co_study = stage(
        network="beside",
        learners=("tutor",),
        methods={"mutual_learning": {"source": ("tutor",)}},
        label_weight=1.0,
        total="15 epochs",
        **alike,
    )
    config.tutored = network("continued", of="co_study")
    config.quantize.update(network="tutored", teachers=("tutor",), total="15 epochs")
    config.stages = ("teacher", "baseline", "self_study", "co_study", "quantize")
    return config
