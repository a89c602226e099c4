"""Stages that cannot follow one another are refused in a sentence, with the nearest name."""

import pytest
from changed_config import SOFT, chained
from tiny_run import tiny_run

from keras_kd.config import base, check, network, stage


def test_a_stage_may_follow_a_file_and_a_published_network(tmp_path):
    (tmp_path / "one.keras").touch()
    config = base()
    config.stages = ("distil",)
    config.distil.teachers = (str(tmp_path / "one.keras"), "bit:R50x1-imagenet224@224")
    check(config)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ((), "names of stages, one at least"),
        (("techer", "distil"), "Received: 'techer'. Did you mean 'teacher'"),
        (("data",), "Received: 'data'.* Stages there are: again, assistant"),
        (("student",), "config.student is a network that no stage trains"),
        (("teacher", "distil", "teacher"), "each stage once. Received: 'teacher' twice"),
        (("teacher", "distil"), "Received: 'assistant'. It is not in config.stages"),
        (("teacher", "distil", "assistant"), "earlier stages. Received: 'assistant'. It comes aft"),
        (("off",), "one stage at least that is enabled"),
    ],
)
def test_stages_that_cannot_be(stages, message):
    config = chained()
    config.off = stage(enabled=False)
    config.stages = stages
    with pytest.raises(ValueError, match=message):
        check(config)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"again.teachers": ("again",)}, "no stage learns from itself"),
        ({"again.teachers": ("distill",)}, "files that are there.* Did you mean 'distil'"),
        ({"again.teachers": ("gone.keras",)}, "files that are there, or handles"),
        ({"again.teachers": ("student",)}, "No stage trains this network, and it has no handle"),
        ({"again.teachers": ("baseline",), "baseline.enabled": False}, "must be enabled"),
        ({"again.network": "studnet"}, "again.network='studnet'. Did you mean 'student'"),
        ({"again.network": "distil"}, "must be the name of a network's section"),
        ({"teacher.train.network": "student"}, "the stage trains the network that holds it"),
        ({"student.handle": "bit:R50x1-M"}, "trains this network.* config.student.init"),
        ({"again.methods": {}}, r"config\.again\.methods must be one method at least"),
        ({"again.teachers": ()}, r"config\.again\.teachers must name one at least.*'soft_targets'"),
        ({"ensemble": ("again",)}, "must name two stages or more"),
        ({"ensemble": ("again", "again")}, "each once"),
        ({"ensemble": ("again", "agian")}, r"ensemble=\('again', 'agian'\).*baseline \(32 px\)"),
        (
            {"ensemble": ("teacher", "again"), "data.teacher_resolution": 64},
            r"images of one size.*teacher \(64 px\), assistant \(32 px\)",
        ),
        ({"assistant.train.prolong": "fresh"}, "is another teacher"),
        ({"assistant.engine": "xla", "again.teachers": ("distil", "assistant")}, "run as one"),
        ({"assistant.model.name": "resnett"}, "Did you mean 'resnet'"),
        ({"again.prolonged": "fresh"}, r"Received: config\.again\.prolonged. Did you mean"),
        ({"assistant.modell": 3}, r"Received: config\.assistant\.modell. Did you mean"),
    ],
)
def test_who_cannot_learn_from_whom(changes, message):
    config = chained().unlock()
    for key, value in changes.items():
        *path, last = key.split(".")
        section = config
        for part in path:
            section = section[part]
        section[last] = value
    with pytest.raises(ValueError, match=message):
        check(config)


def test_a_cache_belongs_to_the_last_stage():
    config = tiny_run(teacher_cache="somewhere")
    check(config)
    config.stages = ("teacher", "distil", "baseline")
    with pytest.raises(ValueError, match="of the last stage, 'baseline', which has no teachers"):
        check(config)


def test_the_last_stages_file_is_no_other_stages():
    config = base()
    config.student = network(train=stage())
    config.again = stage(teachers=("student",), methods=SOFT, network="teacher")
    config.stages = ("student", "again")
    with pytest.raises(ValueError, match="'student' must be the last one"):
        check(config)
