"""Signals: the first is noted, the end says which it was, and handlers are given back."""

import os
import signal
import threading

import pytest

from keras_kd.utils import signals


@pytest.fixture(autouse=True)
def handlers():
    """Every test starts with the handlers of a plain process, and leaves those that there were."""
    before = {each: signal.getsignal(each) for each in signals.SIGNALS}
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_noted_and_told_at_the_end(signum, code, capfd):
    with pytest.raises(signals.Stopped) as stopped, signals.noticed() as asked:
        assert asked.signum is None
        os.kill(os.getpid(), signum)
        assert asked.signum == signum
        assert signal.getsignal(signum) == signal.SIG_DFL  # a second one ends the process
    assert stopped.value.code == code
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert "stopping after this step" in capfd.readouterr().err


def test_an_error_goes_on_and_knows_of_the_signal():
    with pytest.raises(KeyError) as raised, signals.noticed():
        os.kill(os.getpid(), signal.SIGTERM)
        raise KeyError
    assert signals.noted_before(raised.value) == signal.SIGTERM
    assert signals.noted_before(KeyError()) is None


def test_a_process_that_ignores_a_signal_stays_deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with signals.noticed() as asked:
        os.kill(os.getpid(), signal.SIGTERM)
    assert asked.signum is None


def test_outside_the_main_thread_nothing_is_touched():
    found = []

    def run():
        with signals.noticed() as asked:
            found.append(asked.signum)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [None] and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_sigterm_raises_where_no_stage_trains():
    signals.leave_on_sigterm()
    with pytest.raises(signals.Stopped) as stopped:
        os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.value.code == 143


def test_a_signal_that_no_step_saw_is_not_forgotten():
    with pytest.raises(signals.Stopped), signals.noticed() as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked.signum == signal.SIGTERM


def test_a_signal_is_told_and_goes_along_with_another_error(capfd):
    with pytest.raises(RuntimeError, match="lost") as raised, signals.noticed():
        os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("lost")
    assert signals.noted_before(raised.value) == signal.SIGTERM
    assert "SIGTERM: stopping after this step" in capfd.readouterr().err
    with pytest.raises(RuntimeError) as raised, signals.noticed():
        raise RuntimeError
    assert signals.noted_before(raised.value) is None
