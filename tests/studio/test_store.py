"""The tables: questions are asked once, cancelled, taken up again, and given up after two deaths of the worker."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest

from videxplain.errors import VidexplainError
from videxplain.studio.settings import Limits, Studio
from videxplain.studio.storage.database import VERSION, Database
from videxplain.studio.storage.store import Store, clear_old
from videxplain.studio.web.desk import Desk

A, B = "a" * 32, "b" * 32
KEYS = [str(i) * 64 for i in range(6)]
QUESTION = {"clip": "", "kind": "explain"}


@pytest.fixture
def studio(tmp_path):
    one = Studio(folder=tmp_path / "data", limits=Limits(cache_bytes=1000, cache_days=1))
    one.make_folders()
    return one


@pytest.fixture
def store(studio):
    return Store(studio)


def ask(store, visitor, key, most=5):
    store.jobs.ask(visitor, key, "explain", QUESTION, most)


def test_a_question_of_two_visitors_is_one_job(store):
    ask(store, A, KEYS[0])
    ask(store, B, KEYS[0])
    assert store.jobs.waiting() == 1
    assert store.jobs.find(KEYS[0], A) == store.jobs.find(KEYS[0], B)
    assert store.jobs.find(KEYS[0], "c" * 32) is None


def test_places_count_what_comes_before(store):
    for key in KEYS[:3]:
        ask(store, A, key)
    assert [store.jobs.find(key).place for key in KEYS[:3]] == [0, 1, 2]
    assert store.jobs.take().key == KEYS[0]
    assert [store.jobs.find(key).place for key in KEYS[:3]] == [0, 1, 2]
    store.jobs.finish(KEYS[0])
    assert [store.jobs.find(key).place for key in KEYS[1:3]] == [0, 1]


def test_a_visitor_has_so_many_questions_waiting_and_no_more(store):
    ask(store, A, KEYS[0], most=1)
    with pytest.raises(VidexplainError, match="1 of your questions"):
        ask(store, A, KEYS[1], most=1)
    ask(store, A, KEYS[0], most=1)
    ask(store, B, KEYS[1], most=1)


def test_cancelling_stops_a_job_that_nobody_else_waits_for(store):
    ask(store, A, KEYS[0])
    ask(store, B, KEYS[0])
    assert not store.jobs.cancel("c" * 32, KEYS[0])
    assert store.jobs.cancel(A, KEYS[0])
    assert store.jobs.find(KEYS[0]).state == "queued"
    assert store.jobs.find(KEYS[0], A) is None
    assert store.jobs.cancel(B, KEYS[0])
    assert store.jobs.find(KEYS[0]).state == "cancelled"
    ask(store, B, KEYS[0])
    assert store.jobs.take().key == KEYS[0]
    assert store.jobs.cancel(B, KEYS[0])
    assert not store.jobs.report(KEYS[0], "explaining", 1, 2)
    assert store.jobs.overdue(-1, 100).state == "cancelling"


def test_a_job_that_is_asked_again_while_it_is_being_cancelled_runs(store):
    ask(store, A, KEYS[0])
    store.jobs.take()
    for the_worker_has_stopped in (False, True):
        assert store.jobs.cancel(A, KEYS[0])
        ask(store, A, KEYS[0])
        if the_worker_has_stopped:
            store.jobs.finish(KEYS[0], state="cancelled")
            assert store.jobs.take().key == KEYS[0]
        assert store.jobs.report(KEYS[0], "explaining", 1, 2)
        assert store.jobs.overdue(-1, 100) is None


def test_a_clip_that_could_not_be_read_is_read_again_when_it_is_given_again(store):
    sha = "5" * 64
    store.clips.add(A, sha, "mine", 5)
    store.clips.read(sha, None, "the disk was full")
    assert store.clips.next_unread() is None
    assert store.clips.add(A, sha, "mine", 5) == "new"
    assert store.clips.next_unread() == sha
    store.clips.read(sha, {"frames": 3})
    assert store.clips.add(A, sha, "mine", 5) == "ready"


def test_a_clip_that_is_one_too_many_leaves_no_file(store, studio):
    desk = Desk(replace(studio, limits=Limits(clips=1)), store)
    for sha in ("5" * 64, "6" * 64):
        (studio.clips / sha).mkdir()
    desk.add_clip(A, "5" * 64, "mine.mp4")
    with pytest.raises(VidexplainError, match="which is the most"):
        desk.add_clip(A, "6" * 64, "more.mp4")
    assert [path.name for path in studio.clips.iterdir()] == ["5" * 64]


def test_the_second_death_of_the_worker_fails_the_job(store):
    ask(store, A, KEYS[0])
    store.jobs.take()
    store.jobs.requeue(worker_died=False)  # the server was killed, which is not the job's fault
    store.jobs.take()
    store.jobs.requeue(worker_died=True)
    assert store.jobs.find(KEYS[0]).state == "queued"
    store.jobs.take()
    store.jobs.requeue(worker_died=True)
    job = store.jobs.find(KEYS[0])
    assert (job.state, job.error) == ("failed", "this question ended the worker twice, so it is not tried again")


def test_old_and_large_results_go_the_oldest_first(store, studio):
    for key in KEYS[:4]:
        ask(store, A, key)
        store.jobs.finish(key)
        (studio.results / key).mkdir()
        (studio.results / key / "file").write_bytes(bytes(400))
        time.sleep(0.002)
    store.use(KEYS[0], "")  # used a moment ago, which is as good as now
    assert clear_old(store, studio) == 2
    assert [key for key in KEYS[:4] if (studio.results / key).exists()] == KEYS[2:4]
    assert store.jobs.find(KEYS[0]) is None


def test_a_clip_goes_when_nobody_has_it(store, studio):
    sha = "5" * 64
    store.clips.add(A, sha, "mine", 5)
    store.clips.read(sha, {"frames": 3})
    (studio.clips / sha).mkdir()
    assert clear_old(store, studio) == 0
    assert store.clips.find(B, sha) is None
    assert store.clips.drop(A, sha)
    assert clear_old(store, studio) == 1
    assert not os.listdir(studio.clips)  # noqa: PTH208


def test_folders_and_tables_are_their_owners_alone(store, studio):
    for path in (studio.folder, studio.clips, studio.results):
        assert path.stat().st_mode & 0o077 == 0
    assert (studio.folder / "studio.sqlite").stat().st_mode & 0o077 == 0


def version_of(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("pragma user_version").fetchone()[0]


def test_tables_of_another_version_are_refused_and_stay_as_they_are(tmp_path):
    path = tmp_path / "studio.sqlite"
    Database(path)
    assert version_of(path) == VERSION
    Database(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"pragma user_version = {VERSION + 1}")
    with pytest.raises(VidexplainError, match=f"another version of videxplain .tables {VERSION + 1}, not {VERSION}."):
        Database(path)
    assert version_of(path) == VERSION + 1


def test_tables_of_before_versions_were_counted_are_taken_over(studio):
    ask(Store(studio), A, KEYS[0])
    path = studio.folder / "studio.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma user_version = 0")
    assert Store(studio).jobs.find(KEYS[0], A).state == "queued"
    assert version_of(path) == VERSION


def test_a_file_that_is_no_database_is_refused_in_a_line(tmp_path):
    path = tmp_path / "studio.sqlite"
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 100)
    with pytest.raises(VidexplainError, match="choose another --data"):
        Database(path)


GREEDY = """
import os, sys, torch
from pathlib import Path
from videxplain.studio.worker import process
from videxplain.studio.settings import Limits, Studio

def answer(self, question, tell):
    if question.model == "greedy":
        torch.ones(2**33, dtype=torch.uint8)
    if question.model == "python":
        bytearray(2**33)

process.Work.answer = answer
process.run_worker(Studio(Path(sys.argv[1]), Limits(worker_memory=4 * 2**30), device="cpu"), os.getppid())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
def test_a_question_that_needs_too_much_memory_fails_and_the_worker_goes_on(studio, store):
    for key, model in zip(KEYS, ("greedy", "python", "modest"), strict=False):
        record = {"kind": "predict", "clip": "", "model": model, "weights_sha256": "", "options": {}, "edits": []}
        store.jobs.ask(A, key, "predict", record, 5)
    worker = subprocess.Popen([sys.executable, "-c", GREEDY, str(studio.folder)])
    try:
        until = time.monotonic() + 300
        while store.jobs.waiting() and time.monotonic() < until and worker.poll() is None:
            time.sleep(0.1)
        assert worker.poll() is None
    finally:
        worker.kill()
        worker.wait()
    jobs = [store.jobs.find(key) for key in KEYS[:3]]
    assert [job.state for job in jobs] == ["failed", "failed", "done"]
    assert {job.error for job in jobs[:2]} == {
        "there is not enough memory for this question; choose fewer frames or another method"
    }
