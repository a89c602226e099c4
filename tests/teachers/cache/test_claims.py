"""Claims: who works on what, who waits for whom, and what a process that died leaves."""

import errno
import json
import os

import pytest
from tiny_cache import fail

from keras_kd.teachers.cache import claims as cache_claims
from keras_kd.teachers.cache.claims import Claim


def test_claims_exclude_go_stale_and_are_given_up(tmp_path):
    path = tmp_path / "claim"
    mine = Claim(path)
    assert mine.take()
    elsewhere = {"host": "elsewhere", "pid": 1}
    path.write_text(json.dumps(elsewhere))
    assert not Claim(path).take()
    old = os.stat(path).st_mtime - cache_claims.STALE_SECONDS
    os.utime(path, (old + 60, old + 60))
    assert not Claim(path).take()
    os.utime(path, (old - 60, old - 60))
    mine._beaten = -1e9
    mine.beat()  # the owner lives after all
    assert not Claim(path).take()
    os.utime(path, (old - 60, old - 60))
    with Claim(path) as later:
        assert later.take()
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_a_claim_that_was_taken_over_is_not_given_up_by_its_first_owner(tmp_path):
    first, second = Claim(tmp_path / "claim"), Claim(tmp_path / "claim", stale_seconds=-1)
    assert first.take() and second.take()
    first.release()
    assert not Claim(tmp_path / "claim").take()
    second.release()
    assert not list(tmp_path.iterdir())


def test_a_claim_that_changed_hands_meanwhile_is_left_to_its_new_owner(tmp_path, monkeypatch):
    path = tmp_path / "claim"
    assert Claim(path).take()
    late, quick = (Claim(path, stale_seconds=-1) for _ in range(2))
    judge = late._is_stale
    monkeypatch.setattr(late, "_is_stale", lambda judged: judge(judged) and quick.take())
    assert not late.take()
    assert json.loads(path.read_text())["token"] == quick._token
    assert sorted(os.listdir(tmp_path)) == ["claim"]


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 + 1], ids=["own", "unknown"])
def test_an_owner_in_another_container_is_not_looked_for_here(tmp_path, pid):
    owner = {"host": cache_claims.socket.gethostname(), "pid": pid, "place": "of its own"}
    (tmp_path / "claim").write_text(json.dumps(owner))
    assert not Claim(tmp_path / "claim").take()


def test_a_claim_that_could_not_be_written_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_claims.Path, "write_text", fail(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        Claim(tmp_path / "claim").take()
    assert not list(tmp_path.iterdir())
