"""Every config in `configs/` is found, passes its checks, and takes steps on tiny networks."""

import importlib.util
import re
from pathlib import Path

import pytest

from keras_kd.config import check, trained_stages
from keras_kd.models import BUILDERS
from keras_kd.run import run

FOLDER = Path(__file__).resolve().parents[2] / "configs"
FILES = sorted(path for path in FOLDER.rglob("*.py") if path.name != "__init__.py")
EMBEDDED = [path for path in FILES if "digits" in path.read_text(encoding="utf-8")]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_passes_its_checks_and_tells_its_command(path):
    module = load(path)
    config = module.get_config()
    check(config)
    assert config.is_locked
    assert re.fullmatch(rf"{path.stem}(_\w+)?", config.name)
    assert f"--config=configs/{path.relative_to(FOLDER).as_posix()}" in module.__doc__
    assert re.search(r"arXiv|et al\.", module.__doc__)
    with pytest.raises(KeyError, match="Did you mean"):
        config.update({"batch_sizes": 1})


@pytest.mark.slow
@pytest.mark.parametrize("path", EMBEDDED, ids=lambda path: path.stem)
def test_it_takes_two_steps_a_stage(path, tmp_path):
    config = load(path).get_config()
    config.batch_size = 8
    config.data.train_split, config.data.eval_split = "train[:32]", "test[:20]"
    config.teacher.model.kwargs.update({"depth": 8, "width": 0.5})
    if config.student.model.name in BUILDERS:  # else it is made of the teacher
        config.student.model.kwargs.update({"depth": 8, "width": 0.25})
    for settings in trained_stages(config).values():
        settings.update({"total": "2 steps", "interval": "2 steps", "warmup": "0 steps"})
    assert run(config, tmp_path)["train"]["steps"] == 2


def test_the_demo_keeps_its_size_bounds():
    from keras_kd import models

    config = load(FOLDER / "digits.py").get_config()
    shape = (config.data.resolution, config.data.resolution, 1)
    teacher, student = (
        models.build(section.model.name, 10, shape, **section.model.kwargs).count_params()
        for section in (config.teacher, config.student)
    )
    assert student * 8 <= teacher
    assert student >= 70_000  # below this the int8 file is more than 40 % of the float32 one
