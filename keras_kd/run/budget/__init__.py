"""A run of so many minutes: its networks, sizes, views and lengths follow from timed steps."""

from keras_kd.run.budget.settle import settled

__all__ = ["settled"]
