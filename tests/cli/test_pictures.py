"""Commands that draw what is no single map: attention and split."""

import json

import pytest


def test_attention(run, clip, tmp_path):
    status, out, err = run(
        "attention", "--model", "non_local", "--clip", clip, "--at", "10,8", "--top", "5", "--out", tmp_path
    )
    assert (status, err) == (0, "")
    assert "layer3.nl1, frame 10, (10, 8), as given: the 5 strongest of 504 links hold" in out
    kept = json.loads((tmp_path / "a clip-non_local-attention.json").read_text())
    assert kept["at"] == pytest.approx([10, 8])
    assert len(kept["links"]) == 5
    assert (tmp_path / "a clip-non_local-attention.png").stat().st_size > 20_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "non_local", "--at", "10"), "--at is a point in pixels, such as 120,80, not '10'"),
        (("--model", "non_local", "--block", "layer9"), "unknown non-local block 'layer9'"),
        (("--model", "c3d"), "no non-local blocks and no attention"),
        (("--model", "non_local", "--format", "mp4"), "--format takes png, pdf, svg, json, not 'mp4'"),
    ],
)
def test_attention_says_what_is_wrong(options, message, run, clip, tmp_path):
    status, _, err = run("attention", "--clip", clip, *options, "--out", tmp_path / "out")
    assert status == 2
    assert message in err
    assert not (tmp_path / "out").exists()


def test_split(run, clip, tmp_path):
    status, out, err = run("split", "--model", "i3d", "--clip", clip, "--format", "png,json", "--out", tmp_path)
    assert (status, err) == (0, "")
    kept = json.loads((tmp_path / "a clip-i3d-split.json").read_text())
    assert f"motion {100 * kept['share_of_motion']:.0f} % of the evidence" in out
    moved, still = (sum(kept[part]["temporal"]) for part in ("motion", "appearance"))
    assert kept["share_of_motion"] == pytest.approx(moved / (moved + still))
    assert (tmp_path / "a clip-i3d-split.png").stat().st_size > 20_000
