"""The state by name: the same names in every build, one for every variable; the step is saved."""

import keras
import numpy as np
import pytest
import small_schemes
from small_schemes import SCHEMES, WIDTH, batch

from keras_kd import KDModel
from keras_kd.distillation.averaging import Average
from keras_kd.distillation.state import layer_state
from keras_kd.methods import CRD, SoftTargets
from keras_kd.optimizers import AdamW, Shampoo


class Block(keras.layers.Layer):
    """A layer with layers in it, one of them in a list, and a weight of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = [keras.layers.Dense(WIDTH), keras.layers.Dense(WIDTH, use_bias=False)]
        self.gain = self.add_weight(shape=(), name="gain")

    def build(self, shape):
        for layer in self.inner:
            layer.build(shape)

    def call(self, x):
        return self.gain * self.inner[1](self.inner[0](x))


def nested():
    """Two nested models whose layers have the same names, a shared layer, dropout."""
    parts = [
        keras.Sequential([keras.Input((WIDTH,)), keras.layers.Dense(WIDTH, name="proj")])
        for _ in range(2)
    ]
    images = keras.Input((WIDTH,))
    shared = keras.layers.Dense(WIDTH)
    x = shared(keras.layers.Dropout(0.1)(shared(parts[1](parts[0](images)))))
    return keras.Model(images, keras.layers.Dense(3, name="dense_7x")(Block()(x)))


def test_names_are_unique_and_the_same_however_often_a_network_is_built():
    first, second = (layer_state(nested(), "network/student") for _ in range(2))
    assert list(first) == list(second)
    assert [v.path for v in first.values()] != [v.path for v in second.values()]
    assert [name.removeprefix("network/student/") for name in first] == [
        "sequential/proj/kernel", "sequential/proj/bias",
        "sequential_1/proj/kernel", "sequential_1/proj/bias",
        "dense/kernel", "dense/bias", "dropout/seed_generator_state",
        "block/gain", "block/dense/kernel", "block/dense/bias", "block/dense_1/kernel",
        "dense_7x/kernel", "dense_7x/bias",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.SGD(0.1, momentum=0.9),
        lambda: keras.optimizers.Adam(0.1, amsgrad=True),
        lambda: AdamW(0.1, 1e-3),
        lambda: Shampoo(0.1),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1)),
    ],
    ids=["sgd", "adam", "adamw", "shampoo", "loss scale"],
)
def test_every_variable_of_an_optimizer_has_a_name_that_stays(make):
    found = []
    for _ in range(2):
        kd = KDModel(nested(), nested(), SoftTargets())
        kd.compile(make())
        found.append(kd.state())
    first, second = found
    assert list(first) == list(second)
    expected = {id(v) for v in [*kd.variables, *kd.optimizer.variables]}
    assert {id(v) for v in second.values()} == expected
    for name, variable in second.items():
        weight = second.get("network/student/" + name.partition("/network/student/")[2])
        if name.startswith("optimizer/") and weight is not None:
            assert variable.shape == weight.shape, name


def test_momenta_of_weights_with_equal_paths_go_with_their_own_weight():
    kd = KDModel(nested(), nested(), SoftTargets())
    kd.compile(keras.optimizers.SGD(1.0, momentum=0.5))
    before = {name: np.array(v) for name, v in kd.state().items()}
    kd.train_on_batch(batch(0)[0])
    state = kd.state()
    for part in ("sequential", "sequential_1"):
        weight = f"network/student/{part}/proj/kernel"
        (momentum,) = (n for n in state if n.startswith("optimizer/") and n.endswith(weight))
        step = np.array(state[weight]) - before[weight]
        np.testing.assert_allclose(np.array(state[momentum]), step, rtol=1e-4, atol=1e-6)


def test_all_parts_have_their_place():
    crd = CRD(num_examples=8, negatives=2, dimensions=2)
    kd = KDModel(nested(), nested(), [SoftTargets(), crd], followers=[Average(0.9)])
    kd.compile("sgd")
    groups = {"/".join(name.split("/")[:2]) for name in kd.state()}
    assert groups == {"step", "network/student", "method/crd", "follower/ema", "optimizer/student"}
    assert "method/crd/student_bank" in kd.state()
    assert set(KDModel(nested(), None, label_weight=1.0).state()) == {
        "step", *layer_state(nested(), "network/student")
    }  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
def test_saved_weights_hold_all_learners_and_the_step(scheme, tmp_path):
    kd = SCHEMES[scheme]()
    kd.compile(dict.fromkeys(kd.learners, "adam"))
    kd.go_on_from(41)
    kd.train_on_batch(*batch(0))
    kd.save_weights(tmp_path / "kd.weights.h5")
    other = SCHEMES[scheme]()
    other.compile(dict.fromkeys(kd.learners, "adam"))
    other.load_weights(tmp_path / "kd.weights.h5")
    assert int(other.step.numpy()) == 42
    state = other.state()
    for name, variable in kd.state().items():
        np.testing.assert_array_equal(np.array(variable), np.array(state[name]), err_msg=name)
    assert [w.path for w in kd.student.weights] == [w.path for w in kd.student.variables]


def warming_up():
    kd = KDModel(
        small_schemes.deep(1, dropout=0.3), small_schemes.deep(2), SoftTargets(warmup_steps=12), 0.5
    )
    kd.compile(keras.optimizers.SGD(0.05))
    return kd


def fit(kd, first, last, **settings):
    """Epochs of two steps."""
    x, y = (np.concatenate(each) for each in zip(*(batch(step) for step in range(2))))
    return kd.fit(
        x, y, batch_size=8, initial_epoch=first, epochs=last, shuffle=False, verbose=0, **settings
    ).history["loss"]


def test_warm_up_and_dropout_go_on_from_saved_weights(tmp_path):
    whole = fit(warming_up(), 0, 4)
    half = warming_up()
    fit(half, 0, 2)
    half.save_weights(tmp_path / "half.weights.h5")
    kd = warming_up()
    kd.load_weights(tmp_path / "half.weights.h5")
    assert float(kd.methods[0].weight_at(kd.step)) == pytest.approx(5 / 12)
    assert fit(kd, 2, 4) == whole[2:]

    # And so after a crash, by Keras's own callback.
    class Crash(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    with pytest.raises(KeyboardInterrupt):
        fit(warming_up(), 0, 4, callbacks=[backup, Crash()])
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    assert fit(warming_up(), 0, 4, callbacks=[backup]) == whole[2:]


def test_a_step_that_was_loaded_before_the_first_compile_stays():
    kd = KDModel(small_schemes.deep(1), None, label_weight=1.0)
    kd.go_on_from(7)
    kd.compile("sgd")
    assert int(kd.step.numpy()) == 7
    kd.compile("sgd")  # another optimizer: a new training
    assert int(kd.step.numpy()) == 0


def test_weights_without_a_step_are_taken_with_a_warning():
    """As version 0.1.0 saved them."""
    kd = KDModel(small_schemes.deep(1), None, label_weight=1.0)
    kd.compile("sgd")
    with pytest.warns(UserWarning, match=r"without their step.*kd\.go_on_from\(step\)"):
        kd.step_counter.load_own_variables({})
    kd.go_on_from(3)
    assert int(kd.step.numpy()) == 3
