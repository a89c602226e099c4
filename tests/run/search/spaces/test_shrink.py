import pytest
from shrunk import photographs, residual

optuna = pytest.importorskip("optuna", reason="optuna is not installed: keras-kd[search]")

from keras_kd.models import shrink  # noqa: E402
from keras_kd.models.wrap.graph import calls_of, follow  # noqa: E402
from keras_kd.run.search.spaces import Given  # noqa: E402
from keras_kd.run.search.spaces.shrink import draw, layers_by_size  # noqa: E402


def test_channels_by_the_size_of_their_maps():
    found = layers_by_size(follow(calls_of(residual())))
    assert set(found.values()) == {8} and "inner_conv" in found


def test_drawn_widths_cut_and_a_dropped_block_is_no_fault():
    model = residual()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    depths = set()
    for _ in range(6):
        kwargs = draw(study.ask(), Given({"images": 8, "bytes": 1000}, lambda: model))
        assert "bytes" not in kwargs and kwargs.pop("images") == 8
        small = shrink(model, images=photographs(8), **kwargs)
        share = set(kwargs["width"].values()).pop()
        assert small.get_layer("stem_conv").filters == max(1, round(8 * share))
        depths.add(kwargs["depth"])
    assert len(depths) > 1
