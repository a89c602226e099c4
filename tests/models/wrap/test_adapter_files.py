"""Adapters leave without their transformer, and come back to the same one only."""

import keras
import numpy as np
import pytest
from token_networks import images, seeded, tiny

from keras_kd.models import convpass, load_adapters, save_adapters


@pytest.fixture(scope="module")
def vit():
    return tiny("vit")


@pytest.fixture(scope="module")
def tuned(vit):
    model = convpass(vit, dim=3, scale=0.5, where="attention")
    rng = np.random.default_rng(3)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


@pytest.fixture(scope="module")
def saved(tuned, tmp_path_factory):
    path = tmp_path_factory.mktemp("adapters") / "adapters.npz"
    save_adapters(tuned, path)
    return path


def same(vit):
    """A copy of a network that does not follow it."""
    copy = keras.models.clone_model(vit)
    copy.set_weights(vit.get_weights())
    return copy


def test_a_file_holds_what_trains_and_nothing_else(tuned, saved):
    arrays = np.load(saved)
    kernels = {name for name in arrays.files if "/" in name}
    assert len(kernels) == len(tuned.trainable_weights) == 3 * 6 + 2
    assert arrays["block2_attention_convpass/convolution/kernel"].shape == (3, 3, 3, 3)
    assert arrays["logits/bias"].shape == (5,)
    assert set(arrays.files) - kernels == {"options", "frozen_sha256"}


def test_they_come_back_into_the_same_transformer(vit, tuned, saved, tmp_path):
    again = load_adapters(vit, saved)
    np.testing.assert_array_equal(again(images()), tuned(images()))
    assert np.abs(again(images()) - vit(images())).max() > 0.1
    assert not {id(v) for v in again.variables} & {id(v) for v in vit.variables}
    # From the student that a run leaves, to a transformer with another classifier.
    tuned.save(tmp_path / "student.keras")
    student = keras.saving.load_model(tmp_path / "student.keras", compile=False)
    save_adapters(student, tmp_path / "again.npz")
    new = same(vit)
    new.get_layer("logits").set_weights([np.zeros((12, 5)), np.zeros(5)])
    np.testing.assert_array_equal(
        load_adapters(new, tmp_path / "again.npz")(images()), tuned(images())
    )


def test_another_transformer_is_refused(vit, saved):
    with pytest.raises(ValueError, match=r"to the last bit.*SHA-256 \w{12}\.\.\., for path="):
        load_adapters(seeded(tiny("vit"), 1), saved)
    one = same(vit)
    kernel = one.get_layer("block2_key").kernel
    changed = kernel.numpy()
    changed[0, 0] = np.nextafter(changed[0, 0], np.float32(9))
    kernel.assign(changed)
    with pytest.raises(ValueError, match="to the last bit"):
        load_adapters(one, saved)
    with pytest.raises(ValueError, match=r"classifier.*logits/bias \(file \(5,\), network \(7,\)"):
        seven = tiny("vit", num_classes=7)
        for layer in vit.layers:
            if layer.weights and layer.name != "logits":
                seven.get_layer(layer.name).set_weights(layer.get_weights())
        load_adapters(seven, saved)


def test_other_models_and_files_are_refused(vit, tuned, saved, tmp_path):
    with pytest.raises(ValueError, match=r"no adapters.*model\.save"):
        save_adapters(vit, tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"end in \.npz.*adapters\.keras"):
        save_adapters(tuned, tmp_path / "adapters.keras")
    with pytest.raises(ValueError, match="without adapters"):
        load_adapters(tuned, saved)
    np.savez(tmp_path / "other.npz", kernel=np.zeros(3))
    with pytest.raises(ValueError, match=r"of keras_kd\.models\.save_adapters.*other\.npz"):
        load_adapters(vit, tmp_path / "other.npz")
    with pytest.raises(ValueError, match="not there"):
        load_adapters(vit, tmp_path / "missing.npz")
