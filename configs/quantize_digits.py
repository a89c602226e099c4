"""Digits in few bits: the demo's student, trained once more as an int8 or int4 file will run it.

Paper: Esser et al. 2019, "Learned Step Size Quantization", arXiv 1902.08153; soft targets alone, as
Zhao and Zhao 2024, "SQAKD".
Student: a copy of the distilled network, its kernels and activations rounded; it follows the float
network at temperature 1, which low bits want.
Command: keras-kd-train --config=configs/quantize_digits.py:4 --workdir=workdir/quantize; then
keras-kd-export --workdir=workdir/quantize --formats=int8,int4
Published result: CIFAR-10, ResNet-20, PACT at 4 / 3 / 2 bits 0.8 / 1.0 / 2.7 points below 8 bits;
none on digits. Ours: benchmarks/quantize.py.
"""

from keras_kd.config import network, stage
from keras_kd.configs import digits


def get_config(bits="8"):
    """The demo's config with a stage in few bits.

    Args:
        bits: of a weight: 8, 4, 3 or 2.

    Raises:
        ValueError: other bits.
    """
    if str(bits) not in ("8", "4", "3", "2"):
        raise ValueError(
            f"bits must be 8, 4, 3 or 2. Received: bits={bits!r}. Write "
            "--config=configs/quantize_digits.py:4, for example."
        )
    config = digits.get_config()
    config.name = f"quantize_digits_{bits}"
    config.quantized = network("quantize_aware", weights=int(bits))
    config.quantize = stage(
        network="quantized",
        teachers=("distil",),
        methods={"soft_targets": {"temperature": 1.0}},
        label_weight=0.0,
        mode="mix",
        total="40 epochs",
        interval="5 epochs",
        learning_rate=1e-3,
    )
    config.stages = ("teacher", "baseline", "distil", "quantize")
    return config
