"""BiT networks, and their published weights."""

from keras_kd.models.bit.network import bit_resnet
from keras_kd.models.bit.weights import load_bit_npz

__all__ = ["bit_resnet", "load_bit_npz"]
