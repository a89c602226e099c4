"""keras-kd: knowledge distillation for image classifiers in TensorFlow and Keras.

Names load on first use: a command can answer `--help`, or refuse a config, without waiting for
TensorFlow.
"""

import importlib
import os

from keras_kd.utils import registration as _registration

# TensorFlow's oneDNN kernels, which it leaves off on processors without AVX-512: up to 1.5 times
# faster there (benchmarks/step.py). TensorFlow asks once, so import keras_kd before it.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"
_HOME = {"KDModel": "keras_kd.distillation.kd_model", "Method": "keras_kd.methods"}
_PACKAGES = ("data", "evaluation", "export", "methods", "models", "optimizers", "teachers")
__all__ = [*_HOME, *_PACKAGES]
# Classes that a saved network or optimizer may hold, so that Keras can load it.
_SERIALIZABLE = {
    "keras_kd.models.answers": ["BinaryLogits", "ClassOrder", "LogProbabilities"],
    "keras_kd.models.hub": ["HubModule"],
    "keras_kd.models.layers": ["GroupNorm", "StandardizedConv2D"],
    "keras_kd.models.lite_module": ["LiteModule"],
    "keras_kd.models.onnx_module": ["OnnxModule"],
    "keras_kd.models.resnet": ["IdentityShortcut", "ToCaffeRange"],
    "keras_kd.models.some_classes": ["SomeClasses"],
    "keras_kd.models.tokens": [
        "ClassTokens",
        "AttentionHeads",
        "GELU",
        "OneToken",
        "PositionEmbedding",
        "TokenMap",
        "TokenSum",
    ],
    "keras_kd.models.wrap.bypass": ["Bypass"],
    "keras_kd.models.wrap.neighbours": ["RoundedAdd", "RoundedMean"],
    "keras_kd.models.wrap.quantized_layers": [
        "QuantizedConv2D",
        "QuantizedConv2DTranspose",
        "QuantizedDense",
        "QuantizedDepthwiseConv2D",
    ],
    "keras_kd.models.wrap.ranges": ["FixedRange", "InFloat", "LSQRange", "MinMaxRange"],
    "keras_kd.optimizers.adamw": ["AdamW"],
    "keras_kd.optimizers.schedules": ["WarmupCosine", "WarmupQuadratic", "WarmupStaircase"],
    "keras_kd.optimizers.shampoo": ["Shampoo"],
    "keras_kd.optimizers.slowed": ["Slowed"],
    "keras_kd.optimizers.spliced": ["Spliced"],
    "keras_kd.teachers.combine.confidence": ["Confidence"],
    "keras_kd.teachers.combine.drop_teachers": ["DropTeachers"],
    "keras_kd.teachers.combine.entropy": ["Certainty"],
    "keras_kd.teachers.combine.mean_logits": ["MeanLogits"],
    "keras_kd.teachers.combine.mean_probabilities": ["LogMeanProbability"],
    "keras_kd.teachers.combine.random_teacher": ["RandomTeacher"],
    "keras_kd.teachers.combine.unite_classes": ["UniteClasses"],
    "keras_kd.teachers.ensemble": ["Ensemble"],
}
_registration.register(_SERIALIZABLE)


def __getattr__(name):
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
