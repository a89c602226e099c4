"""Targets by example, for the teaching modes `fix/*`: what a teacher says of each image, once."""

from keras_kd.teachers.fixed.join import FixedTargets
from keras_kd.teachers.fixed.targets import fixed_targets

__all__ = ["FixedTargets", "fixed_targets"]
