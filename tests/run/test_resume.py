"""A real process, killed at random moments, ends with the bits of one that was never killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import ml_collections
import numpy as np
import pytest
import tensorflow as tf

from keras_kd.commands import train

# The saved networks hold layers of `models`.
from keras_kd.distribution import rendezvous as cluster
from keras_kd.distribution import strategies
from keras_kd.run import story as run
from keras_kd.training import log as metrics_log
from keras_kd.training.checkpoints import DIGEST, META
from keras_kd.utils import signals

REPOSITORY = Path(__file__).resolve().parents[2]
TIMINGS = ("seconds", "images_per_second", "first_step_seconds")
STEPS = {"teacher": 300, "distil": 1800}
KILLS = 20

CONFIG = """
from keras_kd.config import base, stage

def get_config():
    config = base()
    config.deterministic = True
    config.batch_size = 16
    config.data.resolution = 8
    config.data.eval_full_image = True
    config.data.eval_split = "test[:100]"
    options = {"depth": 8, "width": 0.25, "norm": "batch", "synchronized": False}
    config.teacher.model = {"name": "resnet", "kwargs": {**options, "dropout": 0.0}}
    config.teacher.train = stage(total="300 steps", interval="40 steps")
    config.student.model = {"name": "resnet", "kwargs": {**options, "dropout": 0.2}}
    config.baseline.enabled = False
    config.distil.update(total="1800 steps", interval="35 steps")
    config.checkpoint.every = "10 steps"
    config.export.formats = ()
    return config
"""


def start(folder):
    """The command, as a process of its own."""
    (folder / "config.py").write_text(CONFIG)
    arguments = [f"--config={folder / 'config.py'}", f"--workdir={folder / 'run'}"]
    with open(folder / "output.txt", "a") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "keras_kd.train", *arguments],
            stdout=output,
            stderr=output,
            cwd=REPOSITORY,
            env={**os.environ, "KERAS_KD_TRACEBACK": "1"},
            # A shell's background jobs ignore SIGINT, and so would their children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def finish(folder):
    code = start(folder).wait(600)
    assert code == 0, (folder / "output.txt").read_text()[-3000:]


def progress(folder):
    """Steps of all stages that are saved."""
    done = 0
    for stage in STEPS:
        files = (folder / "run" / "checkpoints" / stage).glob("step_*.npz")
        done += max((int(path.stem[5:]) for path in files), default=0)
    return done


def reach(process, folder, steps):
    """Waits until as many steps are saved, or the process has ended."""
    deadline = time.monotonic() + 300
    while progress(folder) < steps and process.poll() is None:
        assert time.monotonic() < deadline, "no progress"
        time.sleep(0.002)


def outcome(folder):
    """Everything a run leaves that holds numbers, without timings."""
    run, found = folder / "run", {}
    for stage, last in STEPS.items():
        for name in (f"step_{last:08d}.npz", "best.npz"):
            with np.load(run / "checkpoints" / stage / name) as saved:
                # The rest of a checkpoint holds seconds, and the checksum over them.
                found |= {
                    (stage, name, k): saved[k] for k in saved.files if k not in (META, DIGEST)
                }
        entries = metrics_log.logged(run / "metrics.jsonl", stage)
        found[stage] = [{k: v for k, v in e.items() if k not in TIMINGS} for e in entries]
    for name in ("student", "teacher"):
        weights = keras.models.load_model(run / f"{name}.keras").get_weights()
        found |= {(name, i): value for i, value in enumerate(weights)}
    with np.load(run / "predictions.npz") as saved:
        found |= {("predictions", k): saved[k] for k in saved.files}
    report = json.loads((run / "report.json").read_text())
    found["report"] = [report[key] for key in ("teacher", "student", "fidelity")]
    return found


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key, value in a.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, b[key], err_msg=str(key))
        else:
            assert value == b[key], key


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(folder)
    return outcome(folder)


@pytest.mark.slow
def test_twenty_kills_do_not_show(undisturbed, tmp_path):
    choose, total, effective = random.Random(0), sum(STEPS.values()), 0
    # Two at start-up, most anywhere in the stages, two after the last step.
    for kill in range(KILLS):
        before = progress(tmp_path)
        process = start(tmp_path)
        if kill < 2 or kill >= KILLS - 2:
            reach(process, tmp_path, before if kill < 2 else total)
            time.sleep(choose.uniform(0, 3.0))
        else:
            reach(process, tmp_path, before + choose.randint(1, 45))
            time.sleep(choose.uniform(0, 0.3))
            # One that had trained since it was started, and had more to train.
            trained = before < progress(tmp_path) < total
            effective += trained and process.poll() is None
        process.kill()
        process.wait()
    finish(tmp_path)
    assert effective >= 0.7 * KILLS
    assert_same(outcome(tmp_path), undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_command_with_its_code(undisturbed, tmp_path, signum, code):
    process = start(tmp_path)
    reach(process, tmp_path, STEPS["teacher"] + 130)
    process.send_signal(signum)
    assert process.wait(60) == code
    output = (tmp_path / "output.txt").read_text()
    assert "of stage 'distil'; the same command goes on from what is saved." in output
    assert "Traceback" not in output
    stopped = progress(tmp_path)
    finish(tmp_path)
    output = (tmp_path / "output.txt").read_text()
    assert "teacher: finished before" in output
    assert f"distil: goes on from step {stopped - STEPS['teacher']:,}" in output
    assert_same(outcome(tmp_path), undisturbed)


LOST = """Graph execution error:

Detected at node CollectiveReduceV2 defined at (most recent call last):
<stack traces unavailable>
Collective ops is aborted by: Connection reset by peer
The error could be from a previous operation. Restart your program to reset.
\t [[{{node CollectiveReduceV2}}]] [Op:__inference_one_step_on_data_4711]"""


@pytest.mark.parametrize("stopped", [True, False])
def test_a_worker_told_to_stop_does_not_start_anew_when_another_is_lost(
    monkeypatch, capsys, stopped
):
    def lose(*args, **kwargs):
        with signals.noticed():
            if stopped:
                os.kill(os.getpid(), signal.SIGTERM)
            raise tf.errors.UnavailableError(None, None, LOST)

    again = []
    for name in ("STRATEGY", "VIRTUAL_DEVICES", "TPU", "WORKER_TIMEOUT", "DATA_SERVICE"):
        monkeypatch.setattr(train, name, SimpleNamespace(value=""))
    monkeypatch.setattr(strategies, "build", lambda *args: None)
    monkeypatch.setattr(run, "run", lose)
    monkeypatch.setattr(cluster, "start_again", lambda: again.append(True))
    if stopped:
        with pytest.raises(signals.Stopped) as raised:
            train.run_with_workers(ml_collections.ConfigDict(), "")
        assert raised.value.code == 143
    else:
        train.run_with_workers(ml_collections.ConfigDict(), "")
    assert again == [True] * (not stopped)
    said = capsys.readouterr().out
    told = "Collective ops is aborted by: Connection reset by peer"
    assert f"Lost a worker of the cluster: {told}\n" in said
    assert "Graph execution error" not in said and "node" not in said
