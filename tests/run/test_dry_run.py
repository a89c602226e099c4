"""--dry_run: every config passes it, its numbers are right by hand, and it leaves nothing.

Two configs every day, the others with the marker `slow`; of a config's variants the default alone,
and four of ImageNet's. `test_plans` plans all of them, without a step.
"""

import importlib.util
import math
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from keras_kd.config import stage, trained_stages
from keras_kd.configs import digits
from keras_kd.configs.funmatch import imagenet, pets37
from keras_kd.data import tfds_source
from keras_kd.run import dry_run as dry

FOLDER = Path(__file__).resolve().parents[2] / "configs"
FILES = sorted(path for path in FOLDER.rglob("*.py") if path.name != "__init__.py")
# The smallest and one recipe; the others take as long each. Lengths of a recipe differ in numbers
# alone, and `test_plans` has all of them; so one dry run a recipe is enough.
QUICK = {"digits.py", "flowers102.py"}
VARIANTS = ("ensemble,S160", "T384,mobilenet_gn", "fast,mobilenet_bn", "shampoo")  # of imagenet.py


def config_file(path):
    """A parameter; the suite of every day leaves most files to the slow one."""
    name = path.relative_to(FOLDER).with_suffix("").as_posix().replace("/", "_")
    return pytest.param(path, marks=[] if path.name in QUICK else pytest.mark.slow, id=name)


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """Neither data nor weights are there, and nothing may be fetched or written."""

    def refuse(*args, **kwargs):
        raise AssertionError("a dry run must not download")

    monkeypatch.setattr(tfds_source, "_prepare", refuse)
    monkeypatch.setattr(keras.utils, "get_file", refuse)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.iterdir()) == []


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


@pytest.mark.parametrize("path", [config_file(path) for path in FILES])
def test_every_config_passes(path):
    config, told = load(path), []
    plan = dry.dry_run(config, tiny=True, progress=told.append)
    expected = list(trained_stages(config))
    assert list(plan["stages"]) == expected and set(expected) >= {"distil"}
    named = "teacher" in config.stages  # some schemes have no teacher, or one of another name
    assert ("teacher.train" in expected) == (named and not config.teacher.handle)
    assert ("baseline" in expected) == config.baseline.enabled
    assert plan["student"].parameters > 0
    assert (plan["teacher"] is None) == (not config.distil.teachers)
    if plan["teacher"] is not None and config.student.model.name != "extend":
        assert plan["teacher"].parameters >= plan["student"].parameters
    for planned in plan["stages"].values():
        assert planned["warmup"] < planned["steps"] and planned["student_flops"] > 0
        # Zero would say that there was nothing to learn from the teacher.
        assert planned["loss"] and math.isfinite(planned["loss"]) and "seconds" not in planned
    text = "\n".join(told)
    if plan["teacher"] is not None:
        assert f"{plan['teacher'].parameters:,} parameters" in text
    assert f"{plan['stages']['distil']['steps']:,} steps" in text


def bit_by_hand(units, width, side, classes):
    """(multiply-adds, parameters) of a BiT, from the layers of Kolesnikov et al. 2020."""
    channels, side = 64 * width, side // 2
    products, parameters = side**2 * 49 * 3 * channels, 49 * 3 * channels
    into, side = channels, side // 2
    for stage_, count in enumerate(units):
        inner = 64 * width * 2**stage_
        for unit in range(count):
            stride = 2 if stage_ and not unit else 1
            before, side = side, side // stride
            parameters += 2 * (into + inner + inner)  # three norms
            kernels = [(into * inner, before), (9 * inner**2, side), (4 * inner**2, side)]
            kernels += [(4 * into * inner, side)] if not unit else []
            products += sum(size * at**2 for size, at in kernels)
            parameters += sum(size for size, _ in kernels)
            into = 4 * inner
    return products + into * classes, parameters + 2 * into + (into + 1) * classes


def test_the_plan_of_pets_by_hand():
    told = []
    plan = dry.dry_run(pets37.get_config("fast"), tiny=True, progress=told.append)
    assert (plan["images"], plan["classes"]) == (3312, 37)  # 90 % of 3,680
    student = bit_by_hand((3, 4, 6, 3), 1, 128, 37)
    teacher = bit_by_hand((3, 8, 36, 3), 2, 128, 37)
    assert student[1] == 23_576_165  # as counted in another implementation
    assert (plan["student"].flops, plan["student"].parameters) == (2 * student[0], student[1])
    assert (plan["teacher"].flops, plan["teacher"].parameters) == (2 * teacher[0], teacher[1])
    distil = plan["stages"]["distil"]
    assert distil["steps"] == 6469  # 1,000 epochs of 3,312 images in batches of 512, rounded up
    assert distil["epochs"] == pytest.approx(1000, rel=1e-3)
    assert (distil["warmup"], distil["peak"], distil["interval"]) == (1500, 0.01, 1000)
    assert distil["student_flops"] == 3 * 512 * 2 * student[0]
    assert distil["teacher_flops"] == 512 * 2 * teacher[0]
    assert "6,469 steps of 512 images = 1,000.0 epochs, mode mix, soft_targets" in told[0]
    assert "learning rate 0.01 after 1,500 steps of warm-up" in told[0]
    assert "weight decay 0.001, gradients clipped at 1" in told[0]


@pytest.mark.slow
@pytest.mark.parametrize("words", VARIANTS)
def test_imagenets_variants_pass(words):
    plan = dry.dry_run(imagenet.get_config(words), tiny=True)
    one = bit_by_hand((3, 8, 36, 3), 2, 224, 1000)
    several = 2 if "ensemble" in words else 1
    assert plan["teacher"].parameters == several * one[1]
    large = bit_by_hand((3, 8, 36, 3), 2, 384, 1000)[0]
    expected = {"ensemble,S160": one[0] + large, "T384,mobilenet_gn": large}.get(words, one[0])
    assert plan["teacher"].flops == 2 * expected


def test_averages_stairs_and_stored_targets_are_built_too():
    config = digits.get_config()
    config.baseline.enabled = False
    config.teacher.train.update(schedule="staircase", ema=0.9)
    config.distil.update(mode="fix/cc", ema=0.999)
    told = []
    plan = dry.dry_run(config, tiny=True, progress=told.append)
    assert all(math.isfinite(planned["loss"]) for planned in plan["stages"].values())
    assert "then staircase decay" in told[0] and "then cosine decay" in told[0]


def test_a_measured_step_gives_the_time(monkeypatch):
    config = digits.get_config()
    config.baseline.enabled = False
    config.teacher.train = stage(total="40 steps", warmup="4 steps")
    config.teacher.model.kwargs.update(depth=8, width=0.5)
    config.student.model.kwargs.update(depth=8, width=0.25)
    told = []
    plan = dry.dry_run(config, progress=told.append)
    for planned in plan["stages"].values():
        assert planned["step_seconds"] > 0 and planned["loss"] > 0
        assert planned["seconds"] == planned["step_seconds"] * planned["steps"]
    assert plan["stages"]["teacher.train"]["teacher_flops"] == 0
    assert plan["targets"] == {}
    assert plan["seconds"] == sum(planned["seconds"] for planned in plan["stages"].values())
    assert "for all steps on this machine" in told[1] and "nothing was written" in told[-1]


@pytest.mark.parametrize(
    ("mode", "crops"), [("fix/ic_ens", 7), pytest.param("fix/rs", 1, marks=pytest.mark.slow)]
)
def test_fixed_targets_cost_a_pass_a_view_and_none_a_step(monkeypatch, mode, crops):
    """Digits: 1,297 images, of each as many views as there are crops."""
    config = digits.get_config()
    config.distil.update(mode=mode, fix_crops=7, total="40 steps", warmup="4 steps")
    config.teacher.train = stage(total="40 steps", warmup="4 steps")
    config.baseline.enabled = False
    config.teacher.model.kwargs.update(depth=8, width=0.5)
    config.student.model.kwargs.update(depth=8, width=0.25)
    measure, passes, told = dry._view_seconds, [], []
    monkeypatch.setattr(dry, "_view_seconds", lambda *args: passes.append(measure(*args)) or 0.5)
    plan = dry.dry_run(config, progress=told.append)
    targets, distil = plan["targets"]["distil"], plan["stages"]["distil"]
    assert (targets["images"], targets["crops"], targets["views"]) == (1297, crops, 1297 * crops)
    one = plan["teacher"].flops
    assert one > 0 and targets["flops"] == one * 1297 * crops
    assert distil["teacher_flops"] == 0 and distil["student_flops"] > 0
    assert passes[0] > 0 and targets["seconds"] == 0.5 * 1297 * crops
    stages = sum(planned["seconds"] for planned in plan["stages"].values())
    assert plan["seconds"] == pytest.approx(stages + 0.5 * 1297 * crops)
    text = "\n".join(told)
    assert f"targets: 1,297 images x {'7 crops' if crops == 7 else '1 crop'} = " in text
    assert "to teach" not in text and "in all: about" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distil.total": "100 steps"}, r"config\.distil: The warm-up must be shorter than the"),
        ({"distil.methods.soft_targets.temperature": 0.0}, "temperature=0"),
        ({"data.train_split": "train[:400]"}, "batch_size must not exceed the number of training"),
        ({"data.eval_split": "validation"}, "Received: split='validation'"),
        ({"teacher.handle": "bit:R152x2-food128"}, "know the data set's 37 classes"),
        ({"teacher.handle": "bit:R152x2-pets128@512"}, "at most that of the images, 128 px"),
        ({"data.source": "tfds:pets"}, "sizes of a data set that is not here"),
        ({"data.eval_source": "digits"}, "as many channels .* Received: 3 in tfds:oxford_iiit"),
    ],
    ids=["warm-up", "temperature", "batch", "split", "classes", "side", "source", "channels"],
)
def test_what_a_run_would_refuse(changes, message):
    config = pets37.get_config("fast")
    config.update_from_flattened_dict(changes)
    with pytest.raises(ValueError, match=message):
        dry.dry_run(config, tiny=True)


def test_the_command_writes_nothing(tmp_path, tmp_path_factory, monkeypatch):
    # Keras itself writes its settings there when it is imported.
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
    done = subprocess.run(
        [sys.executable, "-m", "keras_kd.train", f"--config={FOLDER / 'digits.py'}", "--dry_run",
         "--workdir=workdir", "--config.teacher.model.kwargs.depth=8"],
        capture_output=True, text=True, cwd=tmp_path, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "digits: digits, split train: 1,297 images, 10 classes" in done.stdout
    assert done.stdout.strip().endswith("A dry run: nothing was written.")
