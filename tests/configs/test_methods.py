"""Every method has a config on the shared base, whose taps fit the networks it names."""

from pathlib import Path

import pytest

import keras_kd
from keras_kd import methods, models
from keras_kd.configs.methods import experiment

FOLDER = Path(__file__).resolve().parents[2] / "configs" / "methods"
FILES = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")
SCHEMES = sorted(
    path for path in (FOLDER.parent / "schemes").glob("*.py") if path.name != "__init__.py"
)


def load(path):
    scope = {}
    exec(compile(path.read_text(encoding="utf-8"), path.name, "exec"), scope)
    return scope["get_config"]()


@pytest.fixture(scope="module")
def networks():
    config = experiment("any", {"soft_targets": {}})
    return [
        models.build(section.model.name, 10, (32, 32, 3), **section.model.kwargs)
        for section in (config.student, config.teacher)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_method_fits_the_networks(path, networks):
    config = load(path)
    student, teacher = networks
    ((name, kwargs),) = config.distil.methods.items()
    method = methods.get(name, **kwargs)
    student = method.prepare_student(student, teacher)
    kd = keras_kd.KDModel(student, teacher, method, config.distil.label_weight)
    assert kd.methods[0].built
    shared = experiment(config.name, config.distil.methods, config.distil.label_weight)
    assert config.to_json() == shared.to_json()


@pytest.mark.parametrize("path", SCHEMES, ids=lambda path: path.stem)
def test_a_scheme_is_of_its_method(path):
    """Whatever else a run of a scheme does, its networks are built before its first step."""
    config = load(path)
    assert config.name == path.stem
    assert path.stem in config.distil.methods


def test_every_method_has_a_config():
    used = {name for path in (*FILES, *SCHEMES) for name in load(path).distil.methods}
    assert used == {methods.base.snake_case(name) for name in methods.METHODS}
