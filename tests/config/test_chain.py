"""Who learns from whom: the stages of a chain, whom each needs, and what each network sees."""

import subprocess
import sys

from changed_config import chained

from keras_kd import models
from keras_kd.config import base, chain, check
from keras_kd.config.chain import last_stage, needed_by, side_of, stages_of, teaching, yardstick


def test_the_stages_of_a_chain():
    config = chained()
    check(config)
    found = {one.name: (one.path, one.network) for one in stages_of(config)}
    assert found == {
        "teacher": ("teacher.train", "teacher"),
        "assistant": ("assistant.train", "assistant"),
        "baseline": ("baseline", "student"),
        "distil": ("distil", "student"),
        "again": ("again", "student"),
    }
    assert last_stage(config).name == "again"
    assert teaching(config) == {"teacher", "assistant", "distil"}
    assert yardstick(config).name == "baseline"
    needed = [one.name for one in needed_by(config, last_stage(config))]
    assert needed == ["teacher", "assistant", "distil"]
    config.data.teacher_resolution = 64
    assert [side_of(config, name) for name in ("teacher", "assistant", "student")] == [64, 32, 32]


def test_the_default_run_is_teacher_baseline_student():
    assert [one.name for one in stages_of(base())] == ["teacher", "baseline", "distil"]
    config = base()
    config.teacher.handle, config.baseline.enabled = "bit:R50x1-M", False
    assert [one.name for one in stages_of(config)] == ["distil"]
    ((teacher,),) = [one.teachers for one in stages_of(config)]
    assert (teacher.stage, teacher.handle) == ("", "bit:R50x1-M")


def test_the_wrappers_are_those_of_the_models():
    assert sorted(chain.WRAPPERS) == sorted(models.WRAPPERS)


def test_stages_are_told_without_tensorflow():
    code = (
        "import sys; from keras_kd.config import base, trained_stages; trained_stages(base()); "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
