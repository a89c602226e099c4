"""What function matching is compared with in its paper, on Oxford-IIIT Pets.

Paper: Beyer et al. 2021, arXiv 2106.05237. The teacher on its own stands in every run's report.
"""

from keras_kd.config import base
from keras_kd.configs.funmatch import PAPERS_ADAM, set_sides


def pets(name):
    """The paper's shorter run on pets: 1,000 epochs at 128 px, R152x2 teaches R50x1.

    Args:
        name: name of the experiment, that of its file.

    Returns:
        an `ml_collections.ConfigDict` without baseline.
    """
    config = base()
    config.name = name
    config.batch_size = 512
    config.data.source = "tfds:oxford_iiit_pet"
    config.data.train_split = "train[:90%]"  # the last tenth was held out to choose the settings
    config.data.eval_split = "test"
    set_sides(config, 160, 128)
    config.teacher.handle = "bit:R152x2-pets128"
    config.student.model = {"name": "bit_resnet", "kwargs": {"depth": 50, "width": 1.0}}
    config.baseline.enabled = False
    config.distil.methods = {"soft_targets": {"temperature": 5.0}}
    config.distil.update(
        mode="mix", total="1000 epochs", warmup="1500 steps", interval="1000 steps",
        learning_rate=1e-2, weight_decay=1e-3,
        optimizer_options=PAPERS_ADAM,
    )  # fmt: skip
    return config
