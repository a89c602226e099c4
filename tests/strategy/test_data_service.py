"""A dispatcher and two data workers in processes of their own make the batches that one makes."""

import io
import os
import signal
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from multi_worker_config import get_config
from PIL import Image

from keras_kd import data
from keras_kd.commands import serve
from keras_kd.data import service
from keras_kd.run import story as run


@pytest.fixture(scope="module")
def service_cluster():
    """(address of a dispatcher, process ids of its two data workers)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        dispatcher = serve.start()
        port = dispatcher.target.rpartition(":")[2]
        command = [sys.executable, "-m", "keras_kd.commands.serve", "--host=127.0.0.1"]
        command += [f"--dispatcher=127.0.0.1:{port}"]
        workers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            for _ in range(2)
        ]
        for worker in workers:
            assert worker.stdout.readline().startswith(b"Data worker of")
        yield f"grpc://127.0.0.1:{port}", {worker.pid for worker in workers}
        for worker in workers:
            worker.kill()
            worker.wait()


@pytest.fixture
def address(service_cluster):
    return service_cluster[0]


def jpeg(rng, side):
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (side, 30, 3), dtype=np.uint8)).save(file, "jpeg")
    return file.getvalue()


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """In memory, a file an image, and many images a file."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("photographs")
    for name in ("cat", "dog"):
        (folder / "train" / name).mkdir(parents=True)
        for i in range(9):
            (folder / "train" / name / f"{i}.jpg").write_bytes(jpeg(rng, 20 + i))
    records = tmp_path_factory.mktemp("records")
    with tf.io.TFRecordWriter(str(records / "train-00000-of-00001")) as writer:
        for i in range(17):
            feature = {
                "image/encoded": tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[jpeg(rng, 20 + i)])
                ),
                "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[i % 3])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())
    return {"digits": "digits", "folder": f"folder:{folder}", "tfrecord": f"tfrecord:{records}/*"}


CASES = {
    "digits": {"mode": "mix", "one_hot": True},
    "folder": {"mode": "ind/ic", "teacher_resolution": 12, "start_step": 5},
    "tfrecord": {"mode": "mix", "worker_index": 1, "num_workers": 2, "with_ids": True},
    "ops": {
        "source": "folder",
        "mode": {
            "student": "inception_crop(0.05,1)|flip|randaugment(2,7)|color_jitter(0.4,0.4,0.4,0.1)"
            "|random_erasing(0.25)|grayscale(0.2)|jpeg_quality(30,95)",
            "mix": "mixup(0.8)|cutmix(1)",
        },
        "repeats": 2,
    },
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_batches_in_the_same_order(address, sources, case):
    settings = {"batch_size": 8, "resolution": 8, "seed": 1, "source": case, **CASES[case]}
    source = data.load_source(sources[settings.pop("source")])
    here = data.build_dataset(source, "train", **settings)
    there = service.build_dataset(address, source, "train", **settings)
    assert here.element_spec == there.element_spec
    assert there.cardinality() == tf.data.INFINITE_CARDINALITY
    for a, b in zip(here.take(20), there.take(20)):
        for x, y in zip(tf.nest.flatten(a), tf.nest.flatten(b)):
            np.testing.assert_array_equal(x, y)


@pytest.mark.skipif(sys.platform != "linux", reason="tells processes apart by /proc")
def test_both_data_workers_take_part(service_cluster):
    address, pids = service_cluster

    def of_process(step, batch):
        threads = tf.strings.split(tf.io.matching_files("/proc/self/task/*"), "/").values[4::5]
        threads = tf.strings.to_number(threads, tf.int64)
        # The number of the process is among those of its threads.
        return step, tf.reduce_sum(
            [tf.where(tf.reduce_any(threads == pid), pid, 0) for pid in pids]
        )

    steps = data.build_dataset("digits", "train", "mix", 8, 8, by_step=True).map(of_process)
    policy = tf.data.experimental.service.ShardingPolicy.DYNAMIC
    distribute = tf.data.experimental.service.distribute(policy, address)
    made = []
    for step, pid in steps.apply(distribute).take(2000):  # one of them may begin later
        made.append((int(step), int(pid)))
        if len(made) >= 60 and {pid for _, pid in made} == pids:
            break
    assert len({step for step, _ in made}) == len(made), "no step twice"
    assert {pid for _, pid in made} == pids


@pytest.fixture
def lonely(monkeypatch):
    """Address of a dispatcher without any data worker."""
    monkeypatch.setattr(service, "WAIT", 0.3)
    monkeypatch.setattr(service, "PATIENCE", 4)
    dispatcher = serve.start()
    yield f"grpc://127.0.0.1:{dispatcher.target.rpartition(':')[2]}"


def test_without_data_workers_batches_are_made_here_then_the_training_ends(lonely, recwarn):
    settings = {"batch_size": 8, "resolution": 8, "mode": "mix", "seed": 1, "start_step": 3}
    here = data.build_dataset("digits", "train", **settings).as_numpy_iterator()
    there = service.build_dataset(lonely, "digits", "train", **settings).as_numpy_iterator()
    for _ in range(4):
        for x, y in zip(next(here), next(there)):
            np.testing.assert_array_equal(x, y)
    with pytest.raises(tf.errors.UnknownError, match="OSError") as caught:
        next(there)
    said = [str(w.message) for w in recwarn if lonely in str(w.message)]
    assert len(said) == 1 and "keras-kd-data --dispatcher=127.0.0.1" in said[0]
    error = service.failure(caught.value)
    assert type(error) is OSError and f"at {lonely} has sent no batch for 1.5 s" in str(error)
    assert service.failure(ValueError("OSError: something else")) is None


def command(*arguments):
    return subprocess.Popen(
        [sys.executable, "-u", "-m", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
    )


def test_ctrl_c_ends_a_server():
    server = command("keras_kd.commands.serve")
    try:
        assert server.stdout.readline().startswith("Dispatcher at port")
        time.sleep(0.5)  # it serves now
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == -signal.SIGINT
    finally:
        server.kill()
        server.communicate()


def test_a_data_worker_without_a_dispatcher_says_so():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(OSError, match=rf"must listen at grpc://127\.0\.0\.1:{port} "):
        serve.start(dispatcher=f"127.0.0.1:{port}", host="127.0.0.1")


def test_a_dispatcher_that_does_not_answer_is_not_waited_for_an_hour(monkeypatch):
    asked = []

    def worker(config):
        asked.append(config)
        raise tf.errors.DeadlineExceededError(None, None, "no answer")

    monkeypatch.setattr(tf.data.experimental.service, "WorkerServer", worker)
    refused = pytest.raises(OSError, match="could not start: no answer")
    with socket.create_server(("127.0.0.1", 0)) as silent, refused:
        serve.start(dispatcher=f"127.0.0.1:{silent.getsockname()[1]}")
    assert asked[0].dispatcher_timeout_ms == 60_000


def test_files_are_asked_for_their_sizes_once(address, sources, monkeypatch):
    source, asked = data.load_source(sources["folder"]), []
    plain = os.path.getsize
    monkeypatch.setattr(os.path, "getsize", lambda path: asked.append(path) or plain(path))
    for start in (0, 2):
        service.build_dataset(address, source, "train", "mix", 8, 8, start_step=start)
    assert len(asked) == len(set(asked)) == 18


# The same batches are the same run; and its service now and then takes a minute to let go.
@pytest.mark.slow
def test_a_run_is_the_same_run(address, tmp_path):
    images = keras.Input((8, 8, 1))
    logits = keras.layers.Dense(10)(keras.layers.Flatten()(images))
    keras.Model(images, logits).save(tmp_path / "teacher.keras")
    config = get_config(str(tmp_path / "teacher.keras"))
    config.deterministic = False  # it would hold for all tests of this process
    config.distil.total = "4 steps"
    config.teacher.engine = "graph"  # else timing may choose two that differ by rounding
    asked, plain = [], service.build_dataset
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            service, "build_dataset", lambda *a, **k: asked.append(a[0]) or plain(*a, **k)
        )
        run.run(config, tmp_path / "there", data_service=address)
    assert asked and set(asked) == {address}
    run.run(config, tmp_path / "here")
    there, here = (
        keras.models.load_model(tmp_path / n / "student.keras") for n in ("there", "here")
    )
    for a, b in zip(there.get_weights(), here.get_weights()):
        np.testing.assert_array_equal(a, b)
