"""A dispatcher and two data workers in processes of their own make the batches that one makes."""

import io
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd import data
from keras_kd.data import serve, service


@pytest.fixture(scope="module")
def service_cluster():
    """(address of a dispatcher, process ids of its two data workers)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        dispatcher = serve.start()
        port = dispatcher.target.rpartition(":")[2]
        command = [sys.executable, "-m", "keras_kd.data.serve", "--host=127.0.0.1"]
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
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_batches_in_the_same_order(address, sources, case):
    source = data.load_source(sources[case])
    settings = {"batch_size": 8, "resolution": 8, "seed": 1, **CASES[case]}
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
        return step, tf.reduce_min(tf.strings.to_number(threads, tf.int64))

    steps = data.build_dataset("digits", "train", "mix", 8, 8, by_step=True).map(of_process)
    policy = tf.data.experimental.service.ShardingPolicy.DYNAMIC
    distribute = tf.data.experimental.service.distribute(policy, address)
    made = [(int(step), int(pid)) for step, pid in steps.apply(distribute).take(60)]
    assert len({step for step, _ in made}) == 60, "no step twice"
    assert {pid for _, pid in made} == pids


def test_what_is_lost_is_made_here_and_what_overtakes_waits():
    made_here = []

    def build(start_step, num_steps):
        made_here.append((start_step, num_steps))
        return tf.data.Dataset.from_tensors(start_step)

    # Step 4 is lost; 7 comes before 5; 3 is from before the start.
    late = [3, 7, 5, 6, *range(8, 8 + 2 * service.AHEAD)]
    ordered = list(service.in_order(((step, step) for step in late), 4, build))
    assert [int(step) for step in ordered] == list(range(4, 8 + 2 * service.AHEAD))
    assert made_here == [(4, 1)]


@pytest.mark.parametrize("wrong", ["localhost:5050", "grpc://localhost", "grpc://:5050", ""])
def test_an_address_has_one_form(wrong):
    with pytest.raises(ValueError, match="form grpc://host:port"):
        service.build_dataset(wrong, "digits", "train", "mix", 8, 8)


def test_nobody_listens():
    with pytest.raises(OSError, match=r"must listen at grpc://127\.0\.0\.1:1 "):
        service.build_dataset("grpc://127.0.0.1:1", "digits", "train", "mix", 8, 8)


def test_data_that_only_python_can_read_are_refused():
    source = data.load_source("digits")
    examples = source.split("train")
    source._cache["train"] = type(examples)(**{**vars(examples), "store": object()})
    with pytest.raises(ValueError, match="digits, whose images are held by object"):
        service.Portable(source).split("train")
