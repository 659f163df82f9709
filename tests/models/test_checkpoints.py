import hashlib
import http.server
import re
import threading
from urllib.parse import urlsplit

import pytest
import torch

from tests.models.foreign import CLASSES, assert_same_logits, randomise, videos
from tests.oracles import mmaction2
from videxplain.errors import VidexplainError
from videxplain.models.architectures import ARCHITECTURES
from videxplain.models.weights.cache import cache_folder, cached, fetch
from videxplain.models.weights.checkpoints import CHECKPOINTS, Checkpoint, public_weights
from videxplain.models.weights.labels import DATASETS, labels_of
from videxplain.models.zoo import load_model

CONTENT = bytes(range(256)) * 8192  # two chunks


class Server(http.server.BaseHTTPRequestHandler):
    """Serves what is in ``content``; of ``/cut`` half of what it promises, of ``/unsaid`` without promising."""

    content: dict[str, bytes]
    asked: list[str]

    def do_GET(self):
        self.asked.append(self.path)
        body = self.content.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/unsaid":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/cut" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (Server,), {"content": {}, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        handler.address = f"http://127.0.0.1:{running.server_port}"
        yield handler
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEXPLAIN_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def digits(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def error(call, *args, **options) -> str:
    with pytest.raises(VidexplainError) as raised:
        call(*args, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_file_is_downloaded_once(server, cache):
    server.content["/a/file.pth"] = CONTENT
    url, told = server.address + "/a/file.pth", []
    path = fetch(url, digits(CONTENT), lambda done, total: told.append((done, total)))
    assert path == cached(url) == cache / "127.0.0.1" / "a" / "file.pth"
    assert path.read_bytes() == CONTENT
    assert told == [(1 << 20, 2 << 20), (2 << 20, 2 << 20)]
    assert fetch(url, digits(CONTENT)) == path
    assert server.asked == ["/a/file.pth"]
    assert files_in(cache) == ["file.pth"]


def test_a_server_need_not_say_how_long_a_file_is(server):
    server.content["/unsaid"] = CONTENT
    told = []
    assert fetch(f"{server.address}/unsaid", progress=lambda *of: told.append(of)).read_bytes() == CONTENT
    assert told[-1] == (2 << 20, None)


def test_what_breaks_off_leaves_nothing_and_begins_anew(server, cache):
    server.content["/cut"] = CONTENT
    url = f"{server.address}/cut"
    assert error(fetch, url) == (
        f"cannot download {url}: it broke off after {1 << 20} of {2 << 20} bytes; "
        f"get it by other means and put it at '{cached(url)}'"
    )
    assert files_in(cache) == []

    def stop(done, total):
        raise KeyboardInterrupt

    server.content["/whole"] = CONTENT
    with pytest.raises(KeyboardInterrupt):
        fetch(f"{server.address}/whole", progress=stop)
    assert files_in(cache) == []
    assert fetch(f"{server.address}/whole").read_bytes() == CONTENT


def test_another_file_than_was_published_is_refused(server, cache):
    server.content["/file"] = CONTENT
    url = f"{server.address}/file"
    assert f"its SHA-256 is {digits(CONTENT)}, not 01234567 as published" in error(fetch, url, "01234567")
    assert files_in(cache) == []
    # One that somebody has put there.
    cached(url).write_bytes(b"other")
    said = error(fetch, url, digits(CONTENT))
    assert said.startswith(f"'{cached(url)}' is not what was published at {url}: its SHA-256 is {digits(b'other')}")
    assert said.endswith("; delete it")
    assert cached(url).read_bytes() == b"other"


def test_without_a_network_it_says_what_to_get_and_where_to_put_it(server):
    url = f"{server.address}/none.pth"
    assert "HTTP Error 404: Not Found; get it by other means and put it at" in error(fetch, url)
    nowhere = "http://127.0.0.1:1/file.pth"
    said = error(fetch, nowhere)
    assert said.startswith(f"cannot download {nowhere}: [Errno ")
    assert said.endswith(f"put it at '{cached(nowhere)}'")
    cached(nowhere).write_bytes(CONTENT)
    assert fetch(nowhere, digits(CONTENT)) == cached(nowhere)


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("VIDEXPLAIN_CACHE", str(tmp_path / "taken"))
    assert error(fetch, "http://127.0.0.1:1/x").startswith(f"cannot write to {tmp_path / 'taken' / '127.0.0.1'}")


def test_the_cache_is_where_caches_are(monkeypatch, tmp_path):
    monkeypatch.delenv("VIDEXPLAIN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "videxplain"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "videxplain"


def published(server, tmp_path, monkeypatch) -> tuple[Checkpoint, torch.nn.Module]:
    """A checkpoint as mmaction2's, with seven classes that a list on the same server names."""
    theirs = randomise(mmaction2.i3d(8, CLASSES, (1, 2, 2, 1)))
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "made.pth")
    content = (tmp_path / "made.pth").read_bytes()
    server.content |= {"/i3d.pth": content, "/labels.txt": b"a\nb\nc\nd\ne\nf\ng"}
    address = server.address
    checkpoint = Checkpoint(
        f"{address}/i3d.pth",
        "somebody",
        "Seven",
        f"{address}/labels.txt",
        "",
        "MIT",
        digits(content),
        {"num_frames": 8},
    )
    monkeypatch.setitem(CHECKPOINTS["i3d"], "seven", checkpoint)
    return checkpoint, theirs


def test_a_public_checkpoint_is_loaded_by_name(server, tmp_path, monkeypatch):
    checkpoint, theirs = published(server, tmp_path, monkeypatch)
    told = []
    ours = load_model("i3d", "seven", progress=lambda *of: told.append(of))
    assert told
    config = ours.config
    assert (config.weights, config.labels) == ("trained on Seven by somebody", tuple("abcdefg"))
    assert (config.num_frames, config.frame_interval) == (8, 2)
    assert_same_logits(theirs, ours, videos(16, 64))
    # And then without a network.
    server.content.clear()
    assert load_model("i3d", "seven", num_frames=4).config.num_frames == 4
    assert server.asked == ["/i3d.pth", "/labels.txt"]
    assert checkpoint.note == "Seven, somebody, MIT, here"


def test_labels_of_the_call_are_not_downloaded(server, tmp_path, monkeypatch):
    published(server, tmp_path, monkeypatch)
    assert load_model("i3d", "seven", labels=list("hijklmn")).config.labels == tuple("hijklmn")
    assert server.asked == ["/i3d.pth"]


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one():
    assert error(load_model, "i3d", "kinetics-400").startswith(
        "unknown weights of i3d 'kinetics-400'; did you mean kinetics400"
    )
    assert error(load_model, "lrcn", "kinetics-400").endswith("'kinetics-400'; known: auto, bundled, none")
    assert error(load_model, "i3d", "kinetics400.pth").startswith("no weights 'kinetics400.pth'")


def test_the_table_says_what_is_here_and_what_is_to_download():
    assert dict(public_weights("i3d"))["kinetics400"] == (
        "Kinetics-400, mmaction2, top-1 73.47, Apache-2.0, to download"
    )
    checkpoint = CHECKPOINTS["i3d"]["kinetics400"]
    cached(checkpoint.url).parent.mkdir(parents=True)
    cached(checkpoint.url).touch()
    assert checkpoint.note.endswith(", here")
    assert public_weights("lrcn") == []


@pytest.mark.parametrize(("name", "entry"), [(n, e) for n, entries in CHECKPOINTS.items() for e in entries.items()])
def test_every_entry_of_the_table_makes_sense(name, entry):
    _, checkpoint = entry
    assert name in ARCHITECTURES
    ARCHITECTURES[name].configure(checkpoint.options)
    address = urlsplit(checkpoint.url)
    assert address.scheme in ("https", "http")
    # The digits that end a file's name, as PyTorch's hub has them, are those that are checked.
    named = re.search(r"-([0-9a-f]{8})\.pth$", address.path)
    assert checkpoint.sha256 == (named[1] if named else "")
    assert checkpoint.labels in DATASETS or checkpoint.labels.startswith("https://")


def test_every_file_has_a_place_of_its_own():
    every = [checkpoint for entries in CHECKPOINTS.values() for checkpoint in entries.values()]
    assert len({cached(checkpoint.url) for checkpoint in every}) == len(every) == 14


def test_torchvision_knows_the_same_addresses():
    from torchvision.models import get_weight

    for name, depth, accuracy in (
        ("imagenet", 152, 78.312),
        ("imagenet-r101", 101, 77.374),
        ("imagenet-r50", 50, 76.13),
    ):
        weights = get_weight(f"ResNet{depth}_Weights.IMAGENET1K_V1")
        assert CHECKPOINTS["late_fusion"][name].url == weights.url
        assert weights.meta["_metrics"]["ImageNet-1K"]["acc@1"] == accuracy
        assert f"{accuracy:.2f}" in CHECKPOINTS["late_fusion"][name].accuracy


@pytest.mark.parametrize(
    ("dataset", "count", "some"),
    [
        ("imagenet", 1000, {0: "tench", 999: "toilet tissue"}),
        ("kinetics400", 400, {0: "abseiling", 399: "zumba"}),
        ("ucf101", 101, {0: "ApplyEyeMakeup", 36: "HandstandPushups", 100: "YoYo"}),
        ("hmdb51", 51, {0: "brush_hair", 50: "wave"}),
    ],
)
def test_labels(dataset, count, some):
    labels = labels_of(dataset)
    assert len(labels) == len(set(labels)) == count
    assert {place: labels[place] for place in some} == some
    # ImageNet's order is that of WordNet's numbers, the others' is alphabetical.
    assert dataset == "imagenet" or list(labels) == sorted(labels, key=str.casefold)


def test_labels_of_an_unknown_dataset():
    assert set(DATASETS) == {"imagenet", "kinetics400", "ucf101", "hmdb51"}
    assert error(labels_of, "ucf11") == "unknown dataset 'ucf11'; did you mean ucf101?"
