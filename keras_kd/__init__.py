"""keras-kd: knowledge distillation for image classifiers in TensorFlow and Keras."""

from keras_kd import data, evaluation, methods, models, optimizers, teachers
from keras_kd.kd_model import KDModel
from keras_kd.methods import Method

__version__ = "0.1.0"
__all__ = [
    "KDModel",
    "Method",
    "data",
    "evaluation",
    "methods",
    "models",
    "optimizers",
    "teachers",
]
