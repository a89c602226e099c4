"""A search from its config to the student that it chooses."""

import gc
import json
import logging
import math
import time
from typing import NamedTuple

from keras_kd.run.experiment import prepare
from keras_kd.run.search import choice, spaces
from keras_kd.run.search.bench import LOOKS, Bench
from keras_kd.run.search.proposals import propose
from keras_kd.run.search.pruning import is_behind, rivals
from keras_kd.run.search.study import Study
from keras_kd.utils.integers import check_integer
from keras_kd.utils.words import duration, milliseconds, percent, size

logger = logging.getLogger(__name__)


class Limits(NamedTuple):
    """What a student's file may cost; None: whatever it does.

    Attributes:
        bytes: its size.
        latency_ms: milliseconds of an image by LiteRT on one thread of this machine.
    """

    bytes: float | None = None
    latency_ms: float | None = None

    def excess(self, measured):
        """dict from a budget to the share by which a `Measured` file misses it, or is below it."""
        found = {"bytes": measured.bytes, "latency_ms": measured.ms}
        limits = self._asdict()
        return {name: found[name] / limits[name] - 1 for name in found if limits[name] is not None}


class Asked(NamedTuple):
    """What a search is asked for beside its config.

    Attributes:
        limits: `Limits` of the first format's file.
        networks: names of the spaces to search; empty: that of the config's student.
        formats: names of TFLite formats; the first one's file counts.
        length: of a trial, see `keras_kd.run.search.bench.Bench`.
        seed: int.
    """

    limits: Limits = Limits()
    networks: tuple = ()
    formats: tuple = ("int8", "float32")
    length: str = "10 percent"
    seed: int = 0


def search(config, folder, write, asked, trials=40):
    """Proposes students, measures their files, tries those that fit, and chooses.

    Args:
        config: ConfigDict of a run, see `keras_kd.config.base`.
        folder: of the study, made if missing. Several processes may share it; a search that was
            stopped goes on there.
        write: function that makes a TFLite file, as `keras_kd.export.to_tflite` does.
        asked: `Asked`.
        trials: students to propose in all, by all processes and starts.

    Returns:
        dict, see `keras_kd.run.search.choice.write_all`.

    Raises:
        ValueError: an impossible config or budget, a folder of another search, a damaged file, or a
            budget that no student met; says the nearest.
        OSError: the file of the study is locked, or a disk is full.
    """
    check_integer("--trials", trials)
    for name, limit in asked.limits._asdict().items():
        if limit is not None and not (math.isfinite(limit) and limit > 0):
            raise ValueError(f"--{name} must be a number above 0. Received: --{name}={limit}.")
    config = prepare(config)
    bench = Bench(config, folder, write, asked.length)
    networks = asked.networks or (bench.student_name,)
    for name in networks:
        spaces.get(name)
    told = {"config": json.loads(config.to_json_best_effort()), **asked._asdict()}
    told |= {**told.pop("limits")._asdict(), "networks": list(networks)}
    study = Study(folder, told, asked.seed)
    bench.prepare()
    began, own = time.monotonic(), 0
    with study.kept_open():
        while (trial := study.ask(trials)) is not None or study.wait():
            if trial is None:
                continue
            _try(study, bench, trial, asked, networks)
            gc.collect()  # graphs hold one another
            own += 1
            _log(study, trial.number, trials, (time.monotonic() - began) / own)
        done = study.done
    return choice.write_all(done, bench, asked)


def _try(study, bench, trial, asked, networks):
    """Takes a trial to its end."""
    proposal = propose(trial, networks, bench.given, bench.resolution)
    trial.set_user_attr("proposal", proposal._asdict())
    experiment, files = bench.run_of(proposal), {}
    try:
        learner = bench.built(experiment)
        for format in asked.formats:
            files[format] = bench.measure(experiment, learner[0], format)
            trial.set_user_attr("files", {name: one._asdict() for name, one in files.items()})
            excess = asked.limits.excess(files[asked.formats[0]])
            missed = [name for name, share in excess.items() if share > 0]
            if missed:
                study.drop(trial, f"outside {' and '.join(missed)}", excess)
                return
    except ValueError as error:  # what one network cannot do, another may
        study.drop(trial, f"refused: {error}", {"refused": 1.0})
        return
    counts, curve = files[asked.formats[0]], []
    for found in bench.tried(experiment, learner):
        curve.append(found["agreement"])
        trial.set_user_attr("curve", curve)
        trial.set_user_attr("accuracy", found.get("accuracy"))
        if len(curve) < LOOKS and is_behind(curve, counts, rivals(study.done, asked), bench.count):
            study.drop(trial, "behind one that is smaller and faster")
            return
    study.complete(trial, curve[-1], counts.ms, counts.bytes)


def _log(study, number, trials, seconds):
    """Tells how a trial ended, and how long the others will take."""
    done = study.done
    trial = next(one for one in done if one.number == number)
    attrs = trial.user_attrs
    told = [
        f"{size(file['bytes'])}, {milliseconds(file['ms'])}"
        for file in list(attrs.get("files", {}).values())[:1]
    ]
    told.append(attrs.get("why") or f"agreement {percent(attrs['curve'][-1], 1)}")
    left = max(0, trials - len(done))
    logger.info(
        f"trial {len(done)} of {trials}: {choice.title(attrs['proposal'])}: {', '.join(told)}; "
        f"about {duration(left * seconds)} left"
    )
