"""Teachers. The convention of this folder:

A teacher is a frozen Keras model: images in [-1, 1] to float logits `[B, num_classes]`. `load`
makes one from a model object, a `.keras` file, a SavedModel folder or a TF-Hub handle, and refuses
whatever would teach nonsense (another class count, size, value range, or probabilities in place of
logits) before anything runs. `Ensemble` makes one teacher of several. `freeze` folds and compiles
one, by the engine that is fastest where it runs. `fixed_targets` computes what one says about each
example once, for the teaching modes `fix/*`.
"""

from keras_kd.teachers.ensemble import Ensemble
from keras_kd.teachers.fixed.join import FixedTargets
from keras_kd.teachers.fixed.targets import fixed_targets
from keras_kd.teachers.frozen.freeze import FrozenTeacher, freeze
from keras_kd.teachers.load import load

__all__ = ["Ensemble", "FixedTargets", "FrozenTeacher", "fixed_targets", "freeze", "load"]
