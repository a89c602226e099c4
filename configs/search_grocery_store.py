"""Grocery Store: what to cut out of the teacher where, found by search.

Teacher, data and method are those of grocery_store.py (matching of the whole teacher on the same
crops, Beyer et al. 2021, arXiv 2106.05237); a width for the layers at each size of maps, the share
of the blocks and the side of the student's images are searched.
Command: keras-kd-search --config=configs/search_grocery_store.py:efficientnet_lite0.npz \\
    --study=workdir/search --bytes=1_200_000 --trials=40 --config.data.data_dir=DATA;
    then keras-kd-train --config=workdir/search/chosen.py --workdir=DIR
Expected result: not measured yet.
"""

from keras_kd.configs import grocery_store


def get_config(weights=""):
    """As `grocery_store`, whose file budget is the search's.

    Args:
        weights: `.npz` of EfficientNet-Lite0, from which the teacher starts; empty: random weights.
    """
    config = grocery_store.get_config(weights)
    config.name = "search_grocery_store"
    config.student.model = {
        "name": "shrink",
        "kwargs": {"importance": "regression", "images": 256},  # few, since each trial is fitted
    }
    return config
