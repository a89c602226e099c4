"""What a run may be told: keys with their defaults, and checks before anything is built.

Free of TensorFlow at import, so that a config file loads at once.
"""

from keras_kd.config.chain import trained_stages
from keras_kd.config.check import check
from keras_kd.config.keys import base, flat, network, stage
from keras_kd.config.paths import absolute

__all__ = ["absolute", "base", "check", "flat", "network", "stage", "trained_stages"]
