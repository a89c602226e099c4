"""Digits: the student of a size that keras-kd-search finds, in minutes.

Teacher, data and method are the demo's (function matching, Beyer et al. 2021, arXiv 2106.05237).
Command: keras-kd-search --config=configs/search_digits.py --study=workdir/search --bytes=40_000 \\
    --latency_ms=0.1 --trials=24;
    then keras-kd-train --config=workdir/search/chosen.py --workdir=DIR
Expected result: docs/guide.md, "A student found by search".
"""

from keras_kd.configs import digits


def get_config():
    """The demo's config without its baseline, whose student is where a search begins."""
    config = digits.get_config()
    config.name = "search_digits"
    config.baseline.enabled = False
    return config
