"""A Ray cluster of two nodes on this machine, one of which is killed in the middle."""

import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.audit.conftest import Tiny, same
from videxplain.audit.api import run_audit
from videxplain.data.datasets.open import open_dataset
from videxplain.errors import VidexplainError
from videxplain.runs.engines import RayCluster, choose_engine

ray = pytest.importorskip("ray", reason="Ray is not installed")


def test_a_node_that_dies_changes_nothing(figures, tmp_path):
    # In another process, because Ray leaves threads behind.
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        other.submit(lose_a_node, figures, tmp_path).result(timeout=500)


def lose_a_node(figures: Path, folder: Path) -> None:
    from ray.cluster_utils import Cluster

    model, data = Tiny().eval(), open_dataset(figures)
    expected = run_audit(model, data, folder / "here", subset="all", shard=4)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        lost = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        seen: list[int] = []
        killed = threading.Event()

        def kill_once(done: int, total: int | None) -> None:
            seen.append(done)
            if not killed.is_set():
                killed.set()
                cluster.remove_node(lost, allow_graceful=False)

        engine = RayCluster(cluster.address)
        audit = run_audit(model, data, folder / "ray", subset="all", shard=4, engine=engine, progress=kill_once)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert killed.is_set()
    assert max(seen) == 28
    same(expected.videos, audit.videos)


@pytest.mark.parametrize(
    ("address", "message"), [("127.0.0.1:9", r"no Ray cluster answers at 127\.0\.0\.1:9"), ("here", "--ray is auto or")]
)
def test_a_cluster_that_is_not_there(figures, tmp_path, address, message):
    with pytest.raises(VidexplainError, match=message):
        run_audit(Tiny().eval(), open_dataset(figures), tmp_path / "out", engine=choose_engine(1, address))
