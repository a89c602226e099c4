"""Pets, the student from pretrained weights: fine-tuned on labels, and distilled.

The baseline is the transfer that the paper compares with, by BiT-HyperRule; the distilled student
starts from the same weights.

Paper: Beyer et al. 2021, arXiv 2106.05237; Kolesnikov et al. 2020, arXiv 1912.11370.
Command: keras-kd-train --config=configs/baselines/pretrained_student.py:bit:R50x1-M \\
    --workdir=workdir/pretrained_student
The argument may also be the path of an .npz or .keras file.
Published result: 88.20 % by transfer of BiT-M R50x1, teacher 91.03 %. The distillation of a
pretrained student was published on ImageNet only: ahead in short runs (79.43 against 78.00 % at 90
epochs), behind in long ones (81.45 against 82.18 % at 4,800).
"""

from keras_kd.config import hyperrule
from keras_kd.configs.baselines import pets


def get_config(init="bit:R50x1-M"):
    """Transfer as the baseline, then distillation, both from `init`."""
    config = pets("pretrained_student")
    config.student.init = init
    config.baseline.enabled = True
    # The rule of small images: the crops here are of 128 px.
    hyperrule.apply(config.baseline, num_examples=3_312, image_size=64, batch_size=512)
    # The aspect ratio is kept, as where it is evaluated and compared.
    config.baseline.update(mode="same/rc", interval="100 steps")
    return config
