"""Teachers that are frozen one by one: their records, their taps, what stands in them."""

import json

import numpy as np
import pytest

from keras_kd import KDModel, teachers
from keras_kd.methods import Hint, SoftTargets
from keras_kd.models import resnet

X = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="module")
def ensemble():
    return teachers.Ensemble([resnet(8, 0.25, 4, (8, 8, 1)) for _ in range(2)],
                             combine="random_teacher")  # fmt: skip


def test_each_member_has_an_engine_and_a_record(ensemble, tmp_path):
    record = tmp_path / "engine.json"
    frozen = teachers.freeze(ensemble, engine="graph", record=record)
    assert frozen.engine == "graph" and frozen.count_params() == ensemble.count_params()
    for number in (1, 2):
        assert json.loads((tmp_path / f"engine_{number}.json").read_text())["engine"] == "graph"
    assert not record.exists()
    assert frozen.original is ensemble and frozen.output_shape == (None, 4)
    np.testing.assert_allclose(frozen(X), ensemble(X), atol=1e-5)


def test_it_gives_logits_alone(ensemble):
    frozen = teachers.freeze(ensemble, engine="graph")
    assert frozen.with_taps(()) is frozen
    for refuse in (
        lambda: teachers.freeze(ensemble, taps=["teacher1/stage1_block1_add"], engine="graph"),
        lambda: KDModel(
            resnet(8, 0.25, 4, (8, 8, 1)),
            ensemble,
            [SoftTargets(), Hint(["stage1_block1_add"], ["teacher1/stage1_block1_add"])],
        ),
    ):
        with pytest.raises(ValueError, match="Combine by 'mean_probabilities', or match logits"):
            refuse()
