"""Works through the cells of a study, each in a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time

AT_WORK_ELSEWHERE = 75  # exit code of a cell that another process works on
PATIENCE = 120  # s that a cell gets to save itself when the study is stopped


def run_cells(study, chosen, store, options, argv):
    """Works through cells in their order, as far as what they need is done.

    Args:
        study: `cells.Study`.
        chosen: list of `cells.Cell`.
        store: `cells.Store`.
        options: the flags.
        argv: the flags as given, for the cells' processes.

    Returns:
        exit code: 1 if a cell failed, else 0.
    """
    deadline = time.monotonic() + 60 * options.time
    slots = _shares_of_cores(options.jobs)
    waiting = [cell for cell in chosen if store.result(cell) is None]
    print(f"{len(chosen) - len(waiting)} of {len(chosen)} cells are done.", flush=True)
    running, failed = [], []
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        while waiting or running:
            ready = [c for c in waiting if all(store.path(n).exists() for n in c.needs)]
            if ready and slots and time.monotonic() < deadline:
                waiting.remove(ready[0])
                running.append(_Process(study, ready[0], store, argv, slots.pop()))
                continue
            if not running:
                break
            time.sleep(0.2)
            for process in [each for each in running if each.ended]:
                running.remove(process)
                slots.append(process.cores)
                if not process.finish(options.commit):
                    failed.append(process.cell.name)
    finally:
        for process in running:
            process.stop()
        signal.signal(signal.SIGTERM, before)
    for cell in waiting:
        missing = [name for name in cell.needs if not store.path(name).exists()]
        why = f"needs {', '.join(missing)}" if missing else "the time is over"
        print(f"{cell.name}: left, {why}")
    return 1 if failed else 0


class _Process:
    """A cell at work in a process of its own."""

    def __init__(self, study, cell, store, argv, cores):
        self.study, self.cell, self.store, self.cores = study, cell, store, cores
        self.folder = store.folder(cell.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.note = self.folder / "failed.txt"
        self.note.unlink(missing_ok=True)
        self.log = self.folder / "cell.log"
        command = [sys.executable, study.script, *argv, f"--cell={cell.name}", f"--cores={cores}"]
        with open(self.log, "ab") as log:
            # A session of its own: Ctrl-C reaches the study, which then asks the cells to save.
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.began = time.monotonic()
        print(f"{time.strftime('%H:%M')} {cell.name} ...", flush=True)

    @property
    def ended(self):
        return self.process.poll() is not None

    def finish(self, commit):
        """Tells how it ended; False if it failed."""
        name, code = self.cell.name, self.process.returncode
        if code == AT_WORK_ELSEWHERE:
            print(f"{name}: another process is at work on it", flush=True)
            return True
        if code or not self.store.path(name).exists():
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            reason = f"exit code {code}: {lines[-1].strip()[:300] if lines else 'no message'}"
            self.note.write_text(reason + "\n", encoding="utf-8")
            print(f"{name}: failed, {reason} (all of it: {self.log})", flush=True)
            return False
        minutes = (time.monotonic() - self.began) / 60
        print(f"{time.strftime('%H:%M')} {name}: done in {minutes:.1f} minutes", flush=True)
        if commit:
            _commit(self.store.path(name), f"Study {self.study.name}: {name}")
        return True

    def stop(self):
        """Asks it to save and leave."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _shares_of_cores(jobs):
    """The cores of this process, dealt out to so many jobs: lists such as "0,1"."""
    if jobs == 1 or not hasattr(os, "sched_getaffinity"):
        return [""] * jobs
    cores = sorted(os.sched_getaffinity(0))
    if jobs > len(cores):
        raise ValueError(f"There are {len(cores)} cores. Received: --jobs={jobs}. Take fewer.")
    return [",".join(map(str, cores[job::jobs])) for job in range(jobs)]


def _commit(path, message):
    """Commits one file and nothing else; what does not work is told, and harms nothing."""
    git = ["git", "-C", str(path.parent)]
    for command in (
        [*git, "add", "--", path.name],
        [*git, "commit", "-q", "-m", message, "--", path.name],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"not committed: {done.stderr.strip() or done.stdout.strip()}", flush=True)
            return
