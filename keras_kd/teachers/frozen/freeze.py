"""The frozen teacher: folded, compiled by the engine that is fastest here, never in the tape."""

import gc
import hashlib
import json
import logging
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_kd.distribution.replicas import spans_workers
from keras_kd.models.hub import HubModule, run_once
from keras_kd.models.taps import tapped
from keras_kd.teachers.ensemble import Ensemble, refuse_taps
from keras_kd.teachers.frozen import engines, trial
from keras_kd.teachers.frozen.fold import flatten, fold
from keras_kd.teachers.frozen.pool import FrozenPool
from keras_kd.utils.files import write_json
from keras_kd.utils.integers import check_integer

# Constants are copied while a function is built and run (13 times their size was measured for
# 377 MB), and bring nothing where kernels are large: beyond this the weights stay variables.
MAX_CONSTANT_BYTES = 64 * 2**20
_logger = logging.getLogger(__name__)


def freeze(
    teacher,
    input_shape=None,
    taps=(),
    engine="auto",
    batch_size=32,
    record=None,
    deterministic=False,
):
    """Makes a frozen teacher: normalisation folded, weights fixed, run by the fastest engine.

    The weights are copied: what happens to the teacher's later does not change the frozen one.
    Two read the teacher's own weights, which then must stay as they are: the engine "keras", and
    SavedModels, whatever the engine but "litert".

    Args:
        teacher: Keras model from images to logits `[B, K]`; one without a functional graph (a
            SavedModel) runs without folding, which the record says. It is not changed.
        input_shape: (height, width, channels); None for what the teacher declares.
        taps: names of layers whose outputs are wanted beside the logits.
        engine: "keras" (as it is), "graph", "xla", "litert" (CPU, one replica; not from inside a
            function that XLA compiles), or "auto": those that can run here and may win are timed
            on a batch of random images; "keras" is left where none agrees with the original.
        batch_size: examples that one replica sees in a training step. "xla" compiles for it; a
            batch of another size runs as a graph.
        record: path of a JSON file with the choice, or None. A record of the same request for a
            teacher of the same architecture, image size, taps and batch size is followed, so that
            a resumed run does not choose anew. One whose engine cannot run here stays, and
            another engine runs.
        deterministic: "auto" means "graph", without timing.

    Returns:
        a `FrozenTeacher`; of an `Ensemble` whose combination looks at more than its members'
        logits a `FrozenPool`, each member of which has an engine, and a record, of its own.

    Raises:
        ValueError: an unknown engine or tap, or a named engine that cannot run here.
    """
    engines.check(engine)
    if isinstance(teacher, Ensemble) and teacher.combination().in_batch:
        refuse_taps(teacher, taps)
        members = [
            freeze(
                *(member, input_shape, (), engine, batch_size),
                *(_numbered(record, number), deterministic),
            )
            for number, member in enumerate(teacher.members().values(), start=1)
        ]
        return FrozenPool(teacher, members)
    shape = tuple(input_shape or teacher.input_shape[1:])
    if len(shape) != 3 or None in shape:
        raise ValueError(
            "freeze needs the size of the images. "
            f"Received: input_shape={input_shape} for a teacher of {teacher.input_shape}. "
            "Pass input_shape=(height, width, channels)."
        )
    check_integer("batch_size", batch_size)
    candidates = _Candidates(teacher, shape, tuple(dict.fromkeys(taps)), batch_size)
    wanted = _wanted(engine, deterministic, candidates)
    request = {"requested": engine, "teacher": candidates.identity()}
    recorded = _read(record, request)
    if recorded and _runs(recorded["engine"], candidates, wanted, engine):
        _logger.info("teacher engine: %s, as %s says", recorded["engine"], Path(record).name)
        return FrozenTeacher(candidates, recorded)
    facts = request | _choose(candidates, wanted, engine)
    if recorded:
        warnings.warn(
            f"{record} says {recorded['engine']}, which cannot run here: the teacher's engine is "
            f"{facts['engine']}.",
            stacklevel=2,
        )
    elif record is not None and not spans_workers(tf.distribute.get_strategy()):
        write_json(record, facts)
    return FrozenTeacher(candidates, facts)


class FrozenTeacher:
    """A teacher that `freeze` made: images `[B, H, W, C]` in [-1, 1] to float32 logits `[B, K]`.

    With taps a call gives a dict: `logits` and each tap. It is no Keras model and holds no
    weights that Keras could see: no tape, optimizer or checkpoint meets it.
    """

    trainable = False

    def __init__(self, candidates, facts):
        self.facts = facts
        self._candidates = candidates
        candidates.make(facts["engine"])  # now: weights cannot be read while a graph is traced
        self._others = []  # the same with other taps
        teacher = candidates.teacher
        self._teacher = lambda: teacher
        self.name = teacher.name
        self.input_shape, self.output_shape = teacher.input_shape, teacher.output_shape
        # What a subclassed model does not have.
        self.inputs, self.outputs = (getattr(teacher, n, None) for n in ("inputs", "outputs"))

    @property
    def engine(self):
        """The name of the engine that runs it."""
        return self.facts["engine"]

    @property
    def output(self):
        """The symbolic logits, or with taps the symbolic outputs dict."""
        outputs = self._candidates.plain.outputs
        return outputs if self._candidates.taps else outputs["logits"]

    @property
    def original(self):
        """The model that it was made from."""
        return self._teacher()

    def count_params(self):
        """The number of the original's parameters, before folding."""
        return self._teacher().count_params()

    def with_taps(self, names):
        """The same teacher, on the same engine, with at least these layers' outputs.

        Raises:
            ValueError: a tap that does not exist or is not unique.
        """
        names = tuple(dict.fromkeys(names))
        # One that gives more will do: another would fold, compile and hold the weights again.
        for frozen in (self, *self._others):
            if set(names) <= set(frozen._candidates.taps):
                return frozen
        self._others.append(FrozenTeacher(self._candidates.with_taps(names), self.facts))
        return self._others[-1]

    def __call__(self, images, training=False):
        # A frozen teacher knows no training mode; the argument is there because models have it.
        run = self._candidates.make(self.engine)
        outputs = run(tf.stop_gradient(tf.cast(images, tf.float32)))
        outputs = {name: tf.stop_gradient(value) for name, value in outputs.items()}
        outputs["logits"] = tf.cast(outputs["logits"], tf.float32)
        return outputs if self._candidates.taps else outputs["logits"]


class _Candidates:
    """What the engines are made of: the model as it is, and folded when first asked for."""

    def __init__(self, teacher, shape, taps, batch_size):
        self.teacher, self.shape, self.taps = teacher, shape, taps
        self.batch_size = batch_size
        self.plain = flatten(teacher, taps)
        self._folded = None
        self._made = {}  # engine -> function: what the trial compiled is what will run

    def with_taps(self, taps):
        return _Candidates(self.teacher, self.shape, taps, self.batch_size)

    @property
    def folded(self):
        if self._folded is None:
            self._folded = fold(self.plain)
            self._folded.hold_weights(as_constants=self.as_constants)
        return self._folded

    @property
    def as_constants(self):
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return self.plain.nbytes * replicas <= MAX_CONSTANT_BYTES

    def make(self, engine):
        """The function that runs an engine: images to an outputs dict."""
        if engine not in self._made:
            self._made[engine] = self._make(engine)
        return self._made[engine]

    def keep_only(self, engine):
        """Lets go of what the other engines hold, and of the folded network where none reads it."""
        self._made = {name: run for name, run in self._made.items() if name == engine}
        if engine in ("keras", "litert"):
            self._folded = None
        gc.collect()  # TensorFlow's functions and graphs hold each other in cycles

    def _make(self, engine):
        if engine == "keras":
            # Not through the list of calls: the very model that was given.
            model = tapped(self.teacher, self.taps) if self.taps else self.teacher
            run = lambda images: model(images, training=False)  # noqa: E731
            run = run if self.taps else lambda x, of=run: {"logits": of(x)}
            return engines.as_graph(run, self.shape)
        if engine == "xla":
            return engines.as_xla(self.folded, self.shape, self.batch_size)
        if engine == "litert":
            return engines.as_litert(self.folded, self.shape)
        return engines.as_graph(self.folded, self.shape)

    def describe(self, engine):
        """What the record tells of folding."""
        if engine == "keras":
            return {"folded": {}, "weights": "the model's own", "notes": []}
        notes = list(self.folded.notes)
        modules = [one.name for one in self.folded.layers() if isinstance(one, HubModule)]
        if modules:
            notes.append(f"{', '.join(modules)}: a SavedModel runs as it is, nothing is folded")
        size = self.folded.nbytes / 2**20
        weights = "constants" if self.as_constants else "variables"
        if not self.as_constants:
            notes.append(f"{size:,.0f} MB of weights stay variables: too many for constants")
        return {"folded": self.folded.counts, "weights": weights, "notes": notes}

    def identity(self):
        """What a choice of an engine depends on. Layers' names, which drift, are left out."""
        calls = [
            [
                type(call.operation).__name__,
                str(getattr(call.operation, "compute_dtype", None)),
                [list(v.shape) for v in getattr(call.operation, "weights", ())],
                [list(t.shape) for t in keras.tree.flatten(call.output)],
            ]
            for call in self.plain.calls
        ]
        return {
            "architecture": hashlib.sha256(json.dumps(calls).encode()).hexdigest()[:16],
            "parameters": self.teacher.count_params(),
            "input_shape": list(self.shape),
            "taps": sorted(self.taps),
            "batch_size": self.batch_size,
        }


def _numbered(record, number):
    """The record of one member of an ensemble."""
    return record and Path(record).with_stem(f"{Path(record).stem}_{number}")


def _wanted(engine, deterministic, candidates):
    """The engines to choose from."""
    plain = candidates.plain
    litert, xla = engines.litert_refusal(plain), engines.xla_refusal(plain)
    refusal = {"litert": litert, "xla": xla}.get(engine)
    if refusal:
        raise ValueError(
            f"The teacher's engine {engine} cannot run here: {refusal}. Received: "
            f"engine={engine!r}. Take engine='auto' or 'graph'."
        )
    # Replicas on several machines must choose alike, and a TPU compiles everything itself.
    tpu = isinstance(tf.distribute.get_strategy(), tf.distribute.TPUStrategy)
    if tpu and xla:
        raise ValueError(
            f"The teacher cannot run on a TPU: {xla}. Received: {candidates.teacher.name!r}. Let "
            "keras-kd-teach compute its targets on a CPU, and name them in config.teacher_cache."
        )
    if engine != "auto":
        return [engine]
    if deterministic or tpu or xla or spans_workers(tf.distribute.get_strategy()):
        return ["graph"]
    # "keras" is what is left where these fail; it never wins.
    may_win = not litert and engines.litert_may_win(plain)
    return ["graph", "xla", *(["litert"] if may_win else [])]


def _choose(candidates, wanted, requested, level=logging.INFO):
    """Builds, compares and, of several, times the engines: the record's content."""
    # Under a TPU strategy nothing runs outside a step, so nothing can be compared.
    tpu = isinstance(tf.distribute.get_strategy(), tf.distribute.TPUStrategy)
    if wanted == ["keras"] or tpu:
        return {"engine": wanted[0], "notes": []}
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (candidates.batch_size, *candidates.shape)).astype("float32")
    images = tf.constant(images)
    reference = run_once(candidates.make("keras"), images)
    tolerance = trial.TOLERANCE_16_BIT if candidates.plain.sixteen_bit() else trial.TOLERANCE
    makers = {name: _maker(candidates, name) for name in wanted}
    built, differences, notes = trial.build(makers, images, reference, tolerance, level)
    speeds = trial.measure(built, images) if len(built) > 1 else {}
    if requested in wanted and requested not in built:
        raise ValueError(
            f"The teacher's engine {requested} fails for this teacher: {'; '.join(notes)}. "
            f"Received: engine={requested!r}. Take engine='auto' or 'keras'."
        )
    chosen = max(built, key=lambda name: speeds.get(name, 0.0), default="keras")
    if speeds:
        list_ = ", ".join(f"{name} {speed:,.0f}" for name, speed in speeds.items())
        _logger.info("teacher engine: images/s: %s -> %s", list_, chosen)
    described = candidates.describe(chosen)
    del built, reference
    candidates.keep_only(chosen)
    return {
        "engine": chosen,
        "images_per_second": speeds,
        "difference": differences,
        **described,
        "notes": described["notes"] + notes,
    }


def _maker(candidates, name):
    def make():
        run = candidates.make(name)
        return lambda images: run_once(run, images)

    return make


def _read(record, request):
    """What an earlier start recorded for the same request, or None."""
    if record is None or not Path(record).exists():
        return None
    try:
        facts = json.loads(Path(record).read_text())
        same = facts["engine"] in engines.ENGINES
        same = same and request == {key: facts.get(key) for key in request}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        warnings.warn(f"{record} is damaged ({error!r}); the engine is chosen anew.", stacklevel=3)
        return None
    return facts if same else None


def _runs(engine, candidates, wanted, requested):
    """Whether a recorded engine may run here, builds, and agrees with the original."""
    if engine != "keras" and engine not in wanted:
        return False
    return _choose(candidates, [engine], requested, logging.DEBUG)["engine"] == engine
