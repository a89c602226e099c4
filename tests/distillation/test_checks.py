"""What is refused before the first step, and that the advice works."""

import keras
import numpy as np
import pytest
import small_schemes
from small_schemes import batch

from keras_kd import KDModel


@pytest.fixture(scope="module")
def kd():
    kd = KDModel(small_schemes.deep(1), None, label_weight=1.0)
    kd.compile(keras.optimizers.SGD(0.0), metrics=["sparse_categorical_accuracy"])
    return kd


def fit(kd, *callbacks):
    x, y = (each.numpy() for each in batch(0))
    kd.fit(x, y, batch_size=8, validation_data=(x, y), callbacks=list(callbacks), verbose=0)


@pytest.mark.parametrize("wrap", [list, keras.callbacks.CallbackList, lambda found: found[0]])
def test_a_checkpoint_of_the_whole_model_is_refused_before_the_first_step(kd, tmp_path, wrap):
    whole = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
    step = int(kd.step.numpy())
    with pytest.raises(NotImplementedError, match=r"save_weights_only=True.*kd\.student\.save"):
        kd.fit(*batch(0), callbacks=wrap([whole]), verbose=0)
    assert int(kd.step.numpy()) == step


def test_the_advice_works(kd, tmp_path):
    best = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "best.weights.h5"), save_weights_only=True, save_best_only=True
    )
    fit(kd, best)
    other = KDModel(small_schemes.deep(9), None, label_weight=1.0)
    other.compile("sgd")
    other.load_weights(tmp_path / "best.weights.h5")
    x = batch(1)[0]
    np.testing.assert_array_equal(other.predict(x, verbose=0), kd.predict(x, verbose=0))
    kd.student.save(tmp_path / "student.keras")
    student = keras.models.load_model(tmp_path / "student.keras")
    np.testing.assert_array_equal(student.predict(x, verbose=0), kd.predict(x, verbose=0))


def test_callbacks_that_look_at_the_optimizer_find_the_students():
    kd = small_schemes.mutual()
    kd.compile({"student": keras.optimizers.SGD(0.5), "peer": keras.optimizers.SGD(0.25)})
    rates = []
    seen = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(float(kd.optimizer.learning_rate))
    )
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=0, min_delta=100.0)
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.4)
    x, y = batch(0)
    kd.fit(x, y, batch_size=8, epochs=2, callbacks=[schedule, plateau, seen], verbose=0)
    assert rates == pytest.approx([0.4, 0.04])
    assert float(kd.optimizers["peer"].learning_rate) == 0.25
