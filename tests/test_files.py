import json
import os
import re
import signal
import subprocess
import sys
import time
from errno import ENOSPC
from pathlib import Path

import pytest

from videxplain import owner
from videxplain.claim import CLAIM_FILE, claimed
from videxplain.errors import VidexplainError
from videxplain.files import (
    make_folder,
    output_folder,
    read_record,
    remove_leftovers,
    replacing,
    replacing_folder,
    write_json,
)

HOLDS = """
import sys, time
from pathlib import Path
from videxplain.claim import claimed
from videxplain.files import replacing
with claimed(sys.argv[1]) as folder, replacing(folder / "big.bin") as temporary:
    print(temporary.name, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def job(tmp_path):
    """A job that works in ``tmp_path``: the process, and the name of its temporary file."""
    process = subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True)
    name = process.stdout.readline().strip()
    yield process, name
    process.kill()
    process.wait()
    process.stdout.close()


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_a_second_job_is_told_who_works_there(tmp_path, job):
    process, _ = job
    who = rf"^{tmp_path} is in use by process {process.pid} on \S+ since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d; wait for it"
    with pytest.raises(VidexplainError, match=who), claimed(tmp_path):
        pytest.fail("two jobs hold the folder")


def test_files_of_a_living_job_stay_and_those_of_a_killed_one_go(tmp_path, job):
    process, name = job
    (tmp_path / "mine.txt").write_text("x")
    remove_leftovers(tmp_path)
    assert hidden(tmp_path) == sorted([CLAIM_FILE, name])
    process.send_signal(signal.SIGKILL)
    process.wait()
    with claimed(tmp_path):
        assert hidden(tmp_path) == [CLAIM_FILE]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("way", ["replacing", "output_folder"])
def test_the_next_run_into_a_folder_removes_leftovers(tmp_path, job, way):
    process, name = job
    process.kill()
    process.wait()
    assert name in hidden(tmp_path)
    if way == "replacing":
        with replacing(tmp_path / "a.txt") as temporary:
            assert hidden(tmp_path) == sorted([CLAIM_FILE, temporary.name])
    else:
        with output_folder(tmp_path):
            assert hidden(tmp_path) == [CLAIM_FILE]


def write_third(path: Path) -> None:
    with replacing_folder(path) as temporary:
        temporary.mkdir()
        (temporary / "a").write_text("third")
        raise OSError(ENOSPC, os.strerror(ENOSPC))


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    for text in ("first", "second"):
        with replacing_folder(tmp_path / "in" / "maps") as temporary:
            temporary.mkdir()
            (temporary / "a").write_text(text)
        assert (tmp_path / "in" / "maps" / "a").read_text() == text
    wrong = rf"^cannot write {tmp_path}/in/maps: No space left on device$"
    with pytest.raises(VidexplainError, match=wrong):
        write_third(tmp_path / "in" / "maps")
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["maps"]
    assert (tmp_path / "in" / "maps" / "a").read_text() == "second"


def test_folders_that_a_killed_job_left_are_removed(tmp_path):
    pid = os.getpid()
    name = owner.temporary_name("").replace(f"-{pid}-{owner.life(pid)}-", f"-{pid}-00000000-")
    (tmp_path / name / "c").mkdir(parents=True)
    (tmp_path / name / "c" / "0").write_text("x")
    with replacing_folder(tmp_path / "maps") as temporary:
        assert hidden(tmp_path) == []
        temporary.mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["maps"]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "a").write_text("x")
    assert make_folder(tmp_path / "b" / "c").is_dir()
    for make in (make_folder, lambda path: replacing_folder(path / "d").__enter__()):
        with pytest.raises(VidexplainError, match=rf"^cannot write to {tmp_path}/a/b: Not a directory$"):
            make(tmp_path / "a" / "b")


def test_a_zombie_is_dead(tmp_path, job):
    process, name = job
    os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while not owner.is_leftover(name) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert owner.is_leftover(name)  # nobody has waited for the process yet


def test_only_dead_processes_of_this_machine_leave_leftovers(monkeypatch):
    name = owner.temporary_name(".ckpt")
    assert name.startswith(".videxplain-")
    assert name.endswith(".ckpt")
    assert not owner.is_leftover(name)  # this process lives
    pid = os.getpid()
    dead = name.replace(f"-{pid}-{owner.life(pid)}-", f"-{pid}-00000000-")  # the number was given to this process later
    assert owner.is_leftover(dead)
    assert not owner.is_leftover("my.videxplain-notes.txt")
    assert not owner.is_leftover(".videxplain-claim")
    monkeypatch.setattr("socket.gethostname", lambda: "another-machine")
    assert not owner.is_leftover(dead)


def test_claims_nest_and_leave_nothing(tmp_path):
    with claimed(tmp_path), claimed(str(tmp_path)) as folder:
        assert folder == tmp_path
        assert json.loads((tmp_path / CLAIM_FILE).read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError), claimed(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room", [0, 20])
def test_a_claim_that_cannot_be_written_leaves_no_file(tmp_path, monkeypatch, room):
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if not room:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        return write(descriptor, data[:room])

    monkeypatch.setattr(os, "write", full)
    said = rf"^cannot write to {tmp_path}: No space left on device$"
    with pytest.raises(VidexplainError, match=said), claimed(tmp_path):
        pytest.fail("the block ran")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    with claimed(tmp_path):  # nothing is held
        assert hidden(tmp_path) == [CLAIM_FILE]


def test_two_threads_do_not_share_a_claim(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    def other() -> str:
        try:
            with claimed(tmp_path):
                return "held"
        except VidexplainError as error:
            return str(error)

    with claimed(tmp_path), ThreadPoolExecutor(1) as pool:
        assert pool.submit(other).result() == f"{tmp_path} is in use by another thread of this process; " + (
            "choose another folder"
        )
    assert other() == "held"


def test_where_there_are_no_locks_the_process_decides(tmp_path, job, monkeypatch):
    process, _ = job
    monkeypatch.setattr("videxplain.claim.fcntl", None)
    with pytest.raises(VidexplainError, match=f"in use by process {process.pid} on"), claimed(tmp_path):
        pytest.fail("two jobs hold the folder")
    process.kill()
    process.wait()
    with claimed(tmp_path):
        assert json.loads((tmp_path / CLAIM_FILE).read_text())["pid"] == os.getpid()


def test_a_forked_process_does_not_keep_the_claim_of_a_killed_one(tmp_path):
    script = HOLDS.replace("print(temporary.name, flush=True)", "import os; os.write(1, b'%d\\n' % os.fork())")
    parent = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True)
    children = {int(parent.stdout.readline()) for _ in range(2)} - {0}
    parent.kill()
    parent.wait()
    try:
        with claimed(tmp_path):
            assert json.loads((tmp_path / CLAIM_FILE).read_text())["pid"] == os.getpid()
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
        parent.stdout.close()


def test_numpy_on_a_full_disk_is_said_in_words(tmp_path):
    said = rf"^cannot write {tmp_path}/a\.npy: No space left on device$"
    with pytest.raises(VidexplainError, match=said), replacing(tmp_path / "a.npy"):
        raise OSError("6272 requested and 1984 written")
    with pytest.raises(VidexplainError, match=r"a\.npy: the shelf is gone$"), replacing(tmp_path / "a.npy"):
        raise OSError("the shelf is gone")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("use", [replacing, output_folder], ids=lambda use: use.__name__)
def test_a_name_that_is_too_long_is_refused_in_a_line_before_the_work(tmp_path, use):
    with pytest.raises(VidexplainError, match=r"^cannot write .*: File name too long$"), use(tmp_path / ("n" * 300)):
        pytest.fail("the block ran")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["n" * 251 + ".png", "a." + "s" * 200])
def test_the_longest_names_that_fit_are_written(tmp_path, name):
    with replacing(tmp_path / name) as temporary:
        temporary.write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_json_holds_names_that_are_not_utf8(tmp_path):
    name = os.fsdecode(b"\xff\xe9 \xc3\xa9.mp4")
    path = write_json(tmp_path / "a.json", {"clip": name})
    assert json.loads(path.read_text(encoding="utf-8")) == {"clip": name}
    assert "é" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["{", "[1]", "3", "[" * 100_000, '"a"', "\x00"])
def test_a_file_that_holds_no_object_is_one_line(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(VidexplainError, match=r"a\.json is damaged: run it again$"):
        read_record(path, "is damaged: run it again")


def test_an_object_is_read(tmp_path):
    assert read_record(write_json(tmp_path / "a.json", {"ä": [1]}), "is damaged") == {"ä": [1]}
    with pytest.raises(VidexplainError, match=r"cannot read .*: No such file"):
        read_record(tmp_path / "b.json", "is damaged")


@pytest.mark.parametrize("name", ["fig.png", "a/Clip.MP4", "maps.npz"])
def test_the_name_of_a_file_is_no_name_of_a_folder(tmp_path, name):
    wanted = re.escape(f"{tmp_path / name} is the name of a file, and a folder is needed, such as ")
    with pytest.raises(VidexplainError, match=wanted), output_folder(tmp_path / name):
        pass
    assert not list(tmp_path.iterdir())
    (tmp_path / name).mkdir(parents=True)
    with output_folder(tmp_path / name) as folder:
        assert folder == tmp_path / name
