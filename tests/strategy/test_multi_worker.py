"""Real processes on the loopback address do what one process does, also when one is killed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from multi_worker_config import get_config

from keras_kd.distribution import rendezvous as cluster
from keras_kd.distribution import strategies
from keras_kd.run import story as run
from keras_kd.training.log import logged

CONFIG = Path(__file__).with_name("multi_worker_config.py")
PATIENCE = 600  # s, far more than it takes: a hang must end the test


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    keras.utils.set_random_seed(0)
    images = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(images)
    path = tmp_path_factory.mktemp("teacher") / "teacher.keras"
    keras.Model(images, keras.layers.Dense(10)(x)).save(path)
    return str(path)


def free_addresses(count):
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]
    for server in servers:
        server.close()
    return addresses


class Workers:
    """Two processes of keras-kd-train on one workdir, each started when a test says so."""

    def __init__(self, teacher, workdir, *arguments):
        self.addresses = free_addresses(2)
        self.workdir = workdir
        self.command = [
            sys.executable,
            "-m",
            "keras_kd.train",
            f"--config={CONFIG}:{teacher}",
        ]
        self.command += [f"--workdir={workdir}", *arguments]
        self.processes = {}

    def start(self, index):
        task = {"type": "worker", "index": index}
        environment = {
            **os.environ,
            "TF_CONFIG": json.dumps({"cluster": {"worker": self.addresses}, "task": task}),
            "CUDA_VISIBLE_DEVICES": "-1",
        }
        log = open(f"{self.workdir}-{index}.log", "a")  # noqa: SIM115, the process closes it
        self.processes[index] = subprocess.Popen(
            self.command, env=environment, stdout=log, stderr=log
        )

    def said(self, index):
        return Path(f"{self.workdir}-{index}.log").read_text()

    def wait(self):
        """Exit codes by index, and all that they said where one hangs."""
        try:
            return {i: p.wait(timeout=PATIENCE) for i, p in self.processes.items()}
        except subprocess.TimeoutExpired:
            pytest.fail(f"a worker hangs: {self.said(0)[-3000:]} {self.said(1)[-3000:]}")

    def kill(self):
        for process in self.processes.values():
            process.kill()
            process.wait()


@pytest.fixture
def two_workers(teacher):
    made = []

    def make(workdir, *arguments):
        made.append(Workers(teacher, workdir, *arguments))
        for index in (0, 1):
            made[-1].start(index)
        return made[-1]

    yield make
    for workers in made:
        workers.kill()


def checkpoint(workdir, step):
    """Arrays of the student and the optimizer."""
    with np.load(workdir / "checkpoints" / "distil" / f"step_{step:08d}.npz") as archive:
        names = [name for name in archive.files if name.startswith(("network/", "optimizer/"))]
        assert any(name.startswith("optimizer/") for name in names)
        return [archive[name] for name in sorted(names)]


def short(teacher):
    config = get_config(teacher)
    config.distil.total = "6 steps"
    return config


def test_two_workers_equal_two_replicas_and_one(teacher, two_workers, make_strategy, tmp_path):
    workers = two_workers(tmp_path / "workers", "--config.distil.total=6 steps")
    reports = {
        "one": run.run(short(teacher), tmp_path / "one", tf.distribute.get_strategy()),
        "two": run.run(short(teacher), tmp_path / "two", make_strategy(2)),
    }
    assert workers.wait() == {0: 0, 1: 0}, workers.said(0) + workers.said(1)
    told = json.loads((tmp_path / "workers" / "report.json").read_text())
    for name, report in reports.items():
        for step in (3, 6):
            here, there = checkpoint(tmp_path / "workers", step), checkpoint(tmp_path / name, step)
            for a, b in zip(here, there):
                np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)
        logs = [logged(tmp_path / run / "metrics.jsonl", "distil") for run in ("workers", name)]
        assert [entry["step"] for entry in logs[0]] == [3, 6]
        for here, there in zip(*logs):
            for key in ("loss", "accuracy", "val_loss", "val_accuracy", "val_kl", "val_agreement"):
                assert here[key] == pytest.approx(there[key], abs=1e-5), key
        for part in ("teacher", "student", "fidelity"):
            for key, value in report[part].items():
                expected = pytest.approx(value, abs=1e-5) if isinstance(value, float) else value
                assert told[part][key] == expected, key
    first, last = (checkpoint(tmp_path / "workers", step) for step in (3, 6))
    assert max(np.abs(a - b).max() for a, b in zip(first, last) if a.dtype.kind == "f") > 1e-3


@pytest.fixture(scope="module")
def undisturbed(teacher, tmp_path_factory):
    """Workdir of two workers that nothing happened to."""
    workers = Workers(teacher, tmp_path_factory.mktemp("runs") / "undisturbed")
    for index in (0, 1):
        workers.start(index)
    try:
        assert workers.wait() == {0: 0, 1: 0}, workers.said(0) + workers.said(1)
    finally:
        workers.kill()
    return workers.workdir


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_comes_back_and_both_go_on(undisturbed, two_workers, tmp_path, victim):
    workers = two_workers(tmp_path / "disturbed")
    began = time.monotonic()
    while not logged(tmp_path / "disturbed" / "metrics.jsonl", "distil"):
        assert time.monotonic() - began < PATIENCE, workers.said(0) + workers.said(1)
        time.sleep(0.01)
    workers.processes[victim].send_signal(signal.SIGKILL)
    workers.processes[victim].wait()
    workers.start(victim)
    assert workers.wait() == {0: 0, 1: 0}, workers.said(0) + workers.said(1)
    assert "Lost a worker" in workers.said(1 - victim)
    assert re.search(r"distil: goes on from step \d+", workers.said(0))
    for a, b in zip(checkpoint(undisturbed, 30), checkpoint(tmp_path / "disturbed", 30)):
        np.testing.assert_array_equal(a, b)
    steps = [entry["step"] for entry in logged(tmp_path / "disturbed" / "metrics.jsonl", "distil")]
    assert steps == list(range(3, 31, 3))


def test_a_worker_that_never_comes_ends_the_command(teacher, tmp_path):
    workers = Workers(teacher, tmp_path / "run", "--worker_timeout=1")
    workers.start(1)
    assert workers.wait() == {1: 2}
    said = workers.said(1).strip().splitlines()
    assert len(said) == 1, said
    assert f"Missing: worker 0 at {workers.addresses[0]}" in said[0]
    assert not (tmp_path / "run").exists(), "only the chief writes"


def test_a_chief_that_refuses_stops_the_other_worker_too(two_workers, tmp_path):
    workers = two_workers(tmp_path / "run", "--config.data.train_split=train[:8]")
    assert workers.wait() == {0: 2, 1: 2}, workers.said(0) + workers.said(1)
    (chief,), (other,) = (workers.said(index).strip().splitlines() for index in (0, 1))
    assert "config.batch_size must not exceed the number of training images" in chief
    assert "The chief of the cluster stopped" in other and "See the chief's message" in other


def test_bad_settings_are_told_before_anything_starts(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{cluster")
    with pytest.raises(ValueError, match="TF_CONFIG must hold valid JSON"):
        strategies.build("multi_worker")
    monkeypatch.delenv("TF_CONFIG")
    with pytest.raises(ValueError, match="needs a cluster in the environment variable TF_CONFIG"):
        strategies.build("multi_worker")
    with pytest.raises(ValueError, match=r"strategy='mirored'\. Did you mean 'mirrored'"):
        strategies.build("mirored")
    with pytest.raises(ValueError, match="virtual_devices=2, strategy=one_device"):
        strategies.build("one_device", virtual_devices=2)
    with pytest.raises(ValueError, match=r"No TPU was found .*Received: tpu='nobody'"):
        strategies.build("tpu", tpu="nobody")
    leader = cluster.Cluster((("worker", 0, f"{free_addresses(1)[0]}"), ("worker", 1, "b:1")), 0)
    with pytest.raises(cluster.WorkerMissing, match="Missing: worker 1 at b:1"):
        cluster.meet(leader, 0.1)
