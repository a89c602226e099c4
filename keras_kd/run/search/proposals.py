"""What a search tries next: Optuna's sampler, made a function of the seed and of what was found."""

import zlib
from typing import NamedTuple

import optuna

from keras_kd.run.search import spaces

SHARES = (1 / 2, 2 / 3, 5 / 6, 1)  # of the config's resolution
STEP = 8  # px


class Proposal(NamedTuple):
    """A student to try.

    Attributes:
        name: of its builder or wrapper.
        kwargs: dict of its arguments.
        side: of its images in pixels.
    """

    name: str
    kwargs: dict
    side: int


def propose(trial, networks, given_of, resolution):
    """The `Proposal` of a trial.

    Args:
        trial: an Optuna trial.
        networks: names of the spaces to search.
        given_of: function from such a name to `keras_kd.run.search.spaces.Given`.
        resolution: the config's, the largest side, px.
    """
    names = list(networks)
    name = names[0] if len(names) == 1 else trial.suggest_categorical("network", names)
    space = spaces.get(name)
    sides = [side for side in sides_of(resolution) if side >= space.LEAST_SIDE] or [resolution]
    side = sides[0] if len(sides) == 1 else trial.suggest_categorical(f"{name}_side", sides)
    return Proposal(name, space.draw(trial, given_of(name)), side)


def sides_of(resolution):
    """Sides to try, px: shares of the largest, in steps of 8."""
    smaller = {STEP * max(1, round(share * resolution / STEP)) for share in SHARES[:-1]}
    return sorted({*(side for side in smaller if side < resolution), resolution})


class Seeded(optuna.samplers.BaseSampler):
    """Optuna's sampler (TPE), begun anew for each trial.

    What it draws follows from the seed, from how many trials were begun before, and from what those
    found: a search that was killed goes on as if it had not been.

    Args:
        seed: int.
    """

    def __init__(self, seed):
        self._seed = seed
        self._number, self._inner = None, None

    def _for(self, study, trial):
        if self._number != trial.number:
            failed = optuna.trial.TrialState.FAIL
            earlier = [t for t in study.get_trials(deepcopy=False) if t.number < trial.number]
            place = sum(one.state != failed for one in earlier)
            seed = zlib.crc32(f"{self._seed}/{place}".encode())
            self._number, self._inner = trial.number, optuna.samplers.TPESampler(seed=seed)
        return self._inner

    def infer_relative_search_space(self, study, trial):
        return self._for(study, trial).infer_relative_search_space(study, trial)

    def sample_relative(self, study, trial, search_space):
        return self._for(study, trial).sample_relative(study, trial, search_space)

    def sample_independent(self, study, trial, param_name, param_distribution):
        inner = self._for(study, trial)
        return inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study, trial):
        self._for(study, trial).before_trial(study, trial)

    def after_trial(self, study, trial, state, values):
        self._for(study, trial).after_trial(study, trial, state, values)
