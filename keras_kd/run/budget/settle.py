"""From minutes to a config: looks at the images, times some steps, and keeps the plan.

The plan lies in the working directory: a run that goes on goes on with it, however fast the machine
is then.
"""

import logging
import math
import time
from pathlib import Path

import numpy as np

from keras_kd.config.chain import is_loaded, stages_of
from keras_kd.distribution import rendezvous
from keras_kd.run import sources
from keras_kd.run.budget import choice, trials
from keras_kd.run.budget.finding import found_weights, own_side, splits, teacher_network
from keras_kd.run.budget.telling import Chosen, describe
from keras_kd.run.experiment import prepare
from keras_kd.run.workdir import CHANGEABLE
from keras_kd.utils.files import read_json, write_json

logger = logging.getLogger(__name__)

FILE = "plan.json"
STAGES = ("teacher", "baseline", "distil")
LONG = 20.0  # minutes, from which on a teacher's engines are worth a trial


def settled(config, workdir=None, clock=time.monotonic, keep=True):
    """A config whose minutes have become networks, sizes, views and lengths.

    Args:
        config: ConfigDict of a run. One without minutes, or settled, is returned as it is.
        workdir: folder that keeps the plan, or None.
        clock: function that gives seconds.
        keep: whether a new plan is left in `workdir`.

    Returns:
        a ConfigDict.

    Raises:
        ValueError: an impossible config; too few minutes, with how many are needed; several
            workers; or what the data are refused for.
    """
    budget = config.get("budget") or {}  # who checks the config tells what it lacks
    if not budget.get("minutes") or budget.get("settled"):
        return config
    config = prepare(config)
    if tuple(config.stages) != STAGES:
        raise ValueError(
            f"config.budget.minutes plans the stages {', '.join(STAGES)}. Received: "
            f"stages={tuple(config.stages)}. Set it to 0, and the lengths of the stages yourself."
        )
    path = None if workdir is None else Path(workdir) / FILE
    asked = {k: v for k, v in config.to_dict().items() if k not in CHANGEABLE}
    plan = None if path is None else _kept(path, asked)
    if plan is None:
        cluster = rendezvous.read_tf_config()
        if cluster is not None and len(cluster.tasks) > 1:
            raise ValueError(
                "config.budget.minutes plans a run of one worker. Received: "
                f"budget.minutes={config.budget.minutes:g} with {len(cluster.tasks)} workers. Set "
                "it to 0, and the lengths of the stages yourself."
            )
        plan = _Planner(config, workdir if keep else None, clock).plan()
        if path is not None and keep:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, {"asked": asked, **plan})
    for line in plan["lines"]:
        logger.info(line)
    return _with(config, plan["values"])


def _kept(path, asked):
    """The plan of an earlier start, or None where there is none, or another one is due."""
    plan = read_json(path)
    # Of a run that has begun, whoever compares the configs tells what differs.
    begun = (path.parent / "checkpoints").exists()
    same = plan is not None and plan["asked"] == read_back(asked)
    return plan if plan is not None and (same or begun) else None


def read_back(values):
    """Values as JSON keeps them."""
    if isinstance(values, dict):
        return {key: read_back(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [read_back(value) for value in values]
    return values


def _with(config, values):
    config = config.copy_and_resolve_references()
    for key, value in values.items():
        *path, last = key.split(".")
        section = config
        for part in path:
            section = section[part]
        if last == "total" and section.prolong:
            continue  # who makes a run longer says how long
        section[last] = value
    config.budget.settled = True
    return config


def is_named(model):
    """Whether a network's section names one, and not the default."""
    return (model.name, model.kwargs.to_dict()) != ("resnet", {})


class _Planner:
    """One plan: what is looked at, what is timed, what follows."""

    def __init__(self, config, workdir, clock):
        self.clock, self.began = clock, clock()
        self.config = config.copy_and_resolve_references()
        self.index = None if workdir is None else str(Path(workdir) / "index")
        self.values = {}
        self.weights = ""

    @property
    def left(self):
        """Seconds that are left of the minutes."""
        return 60 * self.config.budget.minutes - (self.clock() - self.began)

    def plan(self):
        """dict: `values` by dotted key, `lines` to tell, and `seconds` by what they go to."""
        self._look()
        self._find_teacher()
        batch = choice.batch_size(self.look)
        self._set("batch_size", batch)
        teacher, side = self._time_teacher(batch)
        rung, student = self._climb(batch, teacher)
        if side < rung.side and not self.own_side:
            side, teacher = rung.side, teacher.at(side, rung.side)
        pretrained = bool(self.weights) if self.trained else None
        lengths = choice.plan_lengths(self.left, self.look, batch, student, teacher, pretrained)
        if lengths.student < choice.LEAST_STEPS:
            least = choice.least_seconds(self.look, batch, student, teacher, pretrained)
            spent = self.clock() - self.began
            needed = math.ceil((least + spent) / 60 * 1.05)
            whose = f"{rung.name or self.config.student.init} at {rung.side} px"
            raise ValueError(
                f"config.budget.minutes must be at least {needed} for these images on this "
                f"machine. Received: budget.minutes={self.config.budget.minutes:g}. In "
                f"{needed} minutes {whose} takes {choice.LEAST_STEPS} steps; more of them make it "
                "better."
            )
        self._set_lengths(rung, side, lengths)
        spent = self.clock() - self.began
        weights = self.weights if self.trained else None
        chosen = Chosen(self.look, batch, rung, side, (student, teacher), lengths, weights)
        own, minutes = self.config.teacher, self.config.budget.minutes
        whom = own.handle or own.model.name or own.init
        return {
            "values": self.values,
            "lines": describe(chosen, minutes, whom, spent),
            "seconds": {"planning": spent, **lengths.parts},
        }

    def _set(self, key, value):
        self.values[key] = value
        self.config = _with(self.config, {key: value})
        self.config.budget.settled = False

    def _look(self):
        """What the images are; which splits there are."""
        classes = sources.load_classes(self.config, self.index)
        unlabelled = sources.load_unlabelled(self.config, self.index)
        for key, value in splits(classes.counts, self.config.data).items():
            self._set(f"data.{key}", value)
        self.sources = classes, unlabelled
        pools = sources.make_pools(self.config, *self.sources)
        sizes = pools.teachers.examples.sizes
        self.look = choice.Look(
            pools.teachers.num_examples,
            pools.labels.num_examples,
            classes.split(self.config.data.eval_split).num_examples,
            classes.num_classes,
            int(np.median(sizes.min(axis=1))),
            any(stage.name == "baseline" for stage in stages_of(self.config)),
        )

    def _find_teacher(self):
        """Whether a teacher is trained, and from which weights."""
        self.trained = not is_loaded(self.config.teacher)
        handle = self.config.teacher.handle
        self.own_side = self.config.data.teacher_resolution or own_side(handle)
        if not self.trained:
            return
        own = self.config.teacher
        if own.init or is_named(own.model):
            self.weights = own.init or own.model.kwargs.get("weights") or ""
            return
        self.weights = found_weights(self.config)
        for key, value in teacher_network(self.weights, self.look.short).items():
            self._set(f"teacher.{key}", value)

    def _trial(self, stages, side, teacher_side=0, **changes):
        data = {"resolution": side, "teacher_resolution": teacher_side}
        if self.config.budget.minutes < LONG and self.config.teacher.engine == "auto":
            changes["teacher"] = {"engine": "graph"}
        return trials.trial(self.config, self.sources, stages, data=data, **changes)

    def _time_teacher(self, batch):
        """(`Speed`, side) of the teacher at the largest side that the minutes allow."""
        stages = ("teacher", "distil") if self.trained else ("distil",)
        least = choice.LEAST_PRETRAINED if self.weights else choice.LADDER[0].side
        sides = choice.teacher_sides(least, self.look.short)
        if self.own_side:
            sides = [self.own_side]
        # A small one is quickly timed; the time of the others follows by their area.
        side = sides[-1] if self.weights else sides[len(sides) // 2]
        speed, engine = trials.teacher_speed(self._trial(stages, min(side, 96), side))
        # The choice took seconds, and would again in the run.
        self._set("teacher.engine", engine)
        pretrained = bool(self.weights)

        def fits(one):
            own = speed.at(side, one)
            return choice.teacher_fits(self.left, self.look, batch, own, pretrained, self.trained)

        affordable = [one for one in sides if fits(one)]
        best = affordable[0] if affordable else sides[-1]
        return speed.at(side, best), best

    def _climb(self, batch, teacher):
        """(`Network`, `Speed`) of the student: the highest rung with time enough."""
        rungs = self._rungs()
        pretrained = bool(self.weights) if self.trained else None

        def epochs(speed):
            planned = choice.plan_lengths(self.left, self.look, batch, speed, teacher, pretrained)
            return planned.epochs(self.look, batch)

        place, speeds = len(rungs) // 2, {}
        while place not in speeds:
            rung = rungs[place]
            changes = {"baseline": {"enabled": True}}
            changes["student"] = {"model": {"name": rung.name, "kwargs": rung.kwargs}}
            speeds[place] = trials.student_speed(self._trial(("baseline",), rung.side, **changes))
            logger.info(
                f"{rung.name or self.config.student.init} at {rung.side} px: "
                f"{speeds[place].step:.3g} s a step of {batch}"
            )
            guess = [
                speeds[place]._replace(step=speeds[place].step * one.work / rung.work)
                for one in rungs
            ]
            for known, speed in speeds.items():
                guess[known] = speed
            enough = [number for number, one in enumerate(guess) if epochs(one) >= choice.EPOCHS]
            place = max(enough, default=0)
        return rungs[place], speeds[place]

    def _rungs(self):
        """The rungs that may be taken: a student that the config names is the only one."""
        own = self.config.student
        if is_named(own.model) or own.init:
            name = own.model.name if is_named(own.model) else ""
            side = own_side(own.init) or self.config.data.resolution
            return [choice.Network(name, own.model.kwargs.to_dict(), side, 1.0)]
        return choice.students(self.look.short)

    def _set_lengths(self, rung, side, lengths):
        self._set("student.model", {"name": rung.name, "kwargs": rung.kwargs})
        self._set("data.resolution", rung.side)
        self._set("data.teacher_resolution", side)
        interval = f"{-(-100 // lengths.evaluations)} percent"
        for path, steps in (("baseline", lengths.student), ("distil", lengths.student)):
            self._set(f"{path}.total", f"{steps} steps")
            self._set(f"{path}.interval", interval)
        if self.trained:
            self._set("teacher.train.total", f"{lengths.teacher} steps")
            self._set("teacher.train.interval", interval)
            self._set("teacher.train.learning_rate", 1e-3 if self.weights else 3e-3)
        self._set("distil.mode", "mix" if lengths.live else "fix/cc")
