"""TF_CONFIG and the meeting of workers, without TensorFlow: threads on the loopback address."""

import json
import socket
import threading

import pytest

from keras_kd.distribution import rendezvous as cluster


def config(jobs, **task):
    return json.dumps({"cluster": jobs, "task": task})


def test_reads_what_tensorflow_documents():
    jobs = {"worker": ["a:1", "b:2"], "chief": ["c:3"]}
    found = cluster.read_tf_config(config(jobs, type="worker", index=1))
    assert found.tasks == (("chief", 0, "c:3"), ("worker", 0, "a:1"), ("worker", 1, "b:2"))
    assert found.index == 2 and not found.is_chief
    assert cluster.read_tf_config(config({"worker": ["a:1"]}, type="worker", index=0)).is_chief


@pytest.mark.parametrize("text", ["", " ", "{}", '{"task": {"type": "worker", "index": 0}}'])
def test_no_cluster_is_one_process(text, monkeypatch):
    assert cluster.read_tf_config(text) is None
    monkeypatch.setenv("TF_CONFIG", text)
    assert cluster.leads()


@pytest.mark.parametrize(
    "text, expected",
    [
        ("{'cluster'", "valid JSON"),
        ("[1]", "a JSON object"),
        (config({"worker": "a:1"}, type="worker", index=0), "lists of"),
        (config({"worker": ["a"]}, type="worker", index=0), "lists of"),
        (config({"worker": ["a:1", "b:99999"]}, type="worker", index=0), "ports from 1 to 65535"),
        (config({"worker": ["a:1", "b:0"]}, type="worker", index=0), "ports from 1 to 65535"),
        (config({"worker": ["a:1", "b:²"]}, type="worker", index=0), "ports from 1 to 65535"),
        (config({"worker": ["a:1"], "ps": ["b:1"]}, type="ps", index=0), "task types among"),
        (config({"worker": ["a:1", "a:1"]}, type="worker", index=0), "an address of its own"),
        (config({"worker": ["a:1"]}, type="worker", index=1), "one of: worker 0"),
        (config({"worker": ["a:1"]}, type="chief", index=0), "one of: worker 0"),
        ('{"cluster": {"worker": ["a:1"]}}', "one of: worker 0"),
    ],
)
def test_refuses_what_is_no_cluster(text, expected):
    with pytest.raises(ValueError, match=r"TF_CONFIG must hold .*Received: TF_CONFIG=") as refused:
        cluster.read_tf_config(text)
    assert expected in str(refused.value)


def free_ports(count):
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


@pytest.fixture
def tasks():
    return tuple(("worker", i, f"127.0.0.1:{port}") for i, port in enumerate(free_ports(3)))


def meet(tasks, timeout, run_ids):
    """What each worker's meeting ends with: None or its error, by index."""
    ends = {}

    def run(index, run_id):
        try:
            ends[index] = cluster.meet(cluster.Cluster(tasks, index), timeout, run_id)
        except Exception as error:
            ends[index] = error

    threads = [threading.Thread(target=run, args=item) for item in run_ids.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(ends) == len(run_ids), "a worker waits for ever"
    return ends


def test_all_go_when_all_are_there(tasks):
    assert meet(tasks, 20, {2: "a", 1: "a", 0: "a"}) == {0: None, 1: None, 2: None}


def test_a_worker_that_never_comes_is_named_by_all_that_came(tasks):
    ends = meet(tasks, 1.0, {0: "a", 1: "a"})
    for error in ends.values():
        assert isinstance(error, cluster.WorkerMissing)
        assert f"within 1 s. Missing: worker 2 at {tasks[2][2]}." in str(error)


def test_a_leader_that_never_comes_is_named(tasks):
    ends = meet(tasks, 1.0, {1: "a", 2: "a"})
    assert all(f"Missing: worker 0 at {tasks[0][2]}." in str(error) for error in ends.values())


def test_workers_with_different_configs_are_refused(tasks):
    ends = meet(tasks, 5.0, {0: "a", 1: "b"})
    assert all(isinstance(error, ValueError) for error in ends.values())
    assert "worker 1" in str(ends[0]) and str(ends[0]) == str(ends[1])


def test_strangers_on_the_port_and_workers_that_come_twice_do_no_harm(tasks):
    ends = {}
    leader = threading.Thread(
        target=lambda: ends.update({0: cluster.meet(cluster.Cluster(tasks, 0), 20, "a")})
    )
    leader.start()
    host, port = tasks[0][2].split(":")

    def say(text):
        while True:
            try:
                peer = socket.create_connection((host, int(port)), timeout=5)
                peer.sendall(text)
                return peer
            except OSError:
                threading.Event().wait(0.05)

    say(b"GET / HTTP/1.1\r\n\r\n").close()
    say(b'keras-kd [7, "a"]\n').close()
    say(b'keras-kd [1, "a"]\n').close()  # killed while it waited
    ends.update(meet(tasks, 20, {2: "a", 1: "a"}))
    leader.join(timeout=30)
    assert ends == {0: None, 1: None, 2: None}


def test_which_errors_mean_a_lost_worker():
    import tensorflow as tf

    lost = tf.errors.UnavailableError(None, None, "Collective ops is aborted by: Socket closed")
    assert cluster.lost_a_worker(lost)
    other = tf.errors.UnavailableError(None, None, "failed to connect to the data service")
    assert not cluster.lost_a_worker(other)
    words = "Collective ops is aborted by: Shape mismatch in the collective instance"
    assert not cluster.lost_a_worker(tf.errors.InvalidArgumentError(None, None, words))
    assert not cluster.lost_a_worker(ValueError("Collective ops is aborted by: me"))


def test_the_line_that_tells_of_a_lost_worker_is_found():
    import tensorflow as tf

    unhealthy = "The following tasks are unhealthy (stopped sending heartbeats):"
    message = f"Graph execution error:\n\n{unhealthy}\n/job:worker/replica:0/task:1\nCheck its log."
    error = tf.errors.UnavailableError(None, None, message)
    assert cluster.why_lost(error) == f"{unhealthy} /job:worker/replica:0/task:1"
    error = tf.errors.UnavailableError(None, None, "Collective ops is aborted by: Socket closed")
    assert cluster.why_lost(error) == "Collective ops is aborted by: Socket closed"
