"""A frozen teacher: normalisation folded, compiled by the engine that is fastest where it runs."""

from keras_kd.teachers.frozen.freeze import FrozenTeacher, freeze

__all__ = ["FrozenTeacher", "freeze"]
