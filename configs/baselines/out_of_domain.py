"""Pets without pets: the student sees pictures of food only, and learns from the pets' teacher.

Paper: Beyer et al. 2021, arXiv 2106.05237, figure 6.
Command: keras-kd-train --config=configs/baselines/out_of_domain.py --workdir=workdir/out_of_domain
Published result: about 30 % on pets after images of Food101; nearer images, such as ImageNet's,
come close to those of pets in long runs.

The figure's settings are not in the public code. Here they are this project's own choice:
temperature, learning rate and weight decay of the paper's shorter run on pets' own images, all
images of the source's training split, and 100,000 steps.
"""

from keras_kd.configs.baselines import pets


def get_config(source="tfds:food101"):
    """Images of `source`, classes of Oxford-IIIT Pets."""
    config = pets("out_of_domain")
    config.data.eval_source = config.data.source
    config.data.source = source
    config.data.train_split = "train"
    config.distil.total = "100000 steps"  # not the paper's, which does not tell a length here
    return config
