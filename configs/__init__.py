"""Experiments: a file each, with its paper, its command and what differs from the defaults.

`get_config()` starts from `keras_kd.config.base()` or from another file here.
"""
