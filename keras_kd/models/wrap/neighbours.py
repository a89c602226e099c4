"""Layers that know the fake quantisers before and behind them, and round as a file does."""

import keras
from keras import layers

from keras_kd.models.wrap import rounding
from keras_kd.models.wrap.inputs import maker_of
from keras_kd.models.wrap.points import passes


class Neighbours:
    """Mixin for a layer between fake quantisers, which it meets when it is called symbolically."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._before, self._behind = [], []  # functions that give them, which are not its own parts

    def __call__(self, inputs, *args, **kwargs):
        given = keras.tree.flatten(inputs)
        if all(isinstance(one, keras.KerasTensor) for one in given):
            _note(self._before, [maker_of(one, passes) for one in given])
        return super().__call__(inputs, *args, **kwargs)

    def stands_before(self, quantiser):
        """Takes note of a fake quantiser that its outputs go through."""
        _note(self._behind, [quantiser])

    def steps_before(self):
        """List of the steps of what goes in, or None where they are not known, or not always the
        same."""
        return _steps(self._before)

    def step_behind(self):
        """The step of what comes out, or None."""
        found = _steps(self._behind)
        return found and found[0]


def _note(known, quantisers):
    is_new = not any(one() == quantisers for one in known)
    if is_new and all(hasattr(one, "ends") for one in quantisers):
        known.append(lambda: quantisers)


def _steps(known):
    if len(known) != 1:  # none, or a layer that is called again in another place
        return None
    (quantisers,) = known
    return [one.step() for one in quantisers()]


class Rounded(Neighbours):
    """Mixin for a layer without weights, whose outputs are whole steps where these are known."""

    plain = None  # the layer without rounding

    def call(self, inputs):
        before, step = self.steps_before(), self.step_behind()
        if before is None or step is None or not rounding.is_exact():
            return super().call(inputs)
        return self.rounded(inputs, before, step) * step

    def rounded(self, inputs, steps, step):
        """The outputs in whole steps."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="keras_kd")
class RoundedAdd(Rounded, layers.Add):
    """A sum of two tensors."""

    plain = layers.Add

    def rounded(self, inputs, steps, step):
        terms = [rounding.whole(*one) for one in zip(inputs, steps)]
        return rounding.added(terms, steps, step)


@keras.saving.register_keras_serializable(package="keras_kd")
class RoundedMean(Rounded, layers.GlobalAveragePooling2D):
    """A mean over the pixels."""

    plain = layers.GlobalAveragePooling2D

    def rounded(self, inputs, steps, step):
        (own,) = steps
        return rounding.averaged(rounding.whole(inputs, own), own, step, self.keepdims)


ROUNDED = {kind.plain: kind for kind in (RoundedAdd, RoundedMean)}
