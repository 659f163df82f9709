"""The columns of tables, and tables of versions that had them in another order."""

from dataclasses import fields

import pytest
from pyarrow import parquet

from videxplain.audit.rows import VideoRow as AuditRow
from videxplain.concepts.rows import VideoRow as ConceptsRow
from videxplain.runs.rows import RunRow, table_of
from videxplain.runs.tables import merge_tables, read_table


@pytest.mark.parametrize("kind", [AuditRow, ConceptsRow])
def test_the_tables_of_all_runs_begin_with_the_same_columns(kind):
    shared = [one.name for one in fields(RunRow)]
    assert table_of([kind(0, "a.avi", "a")], kind).column_names[: len(shared)] == shared


def test_a_run_that_an_older_version_began_goes_on(tmp_path):
    """Its first shard has ``fingerprint`` last and ``correct`` in the middle."""
    before = table_of([AuditRow(0, "a.avi", "a", prediction="Run", correct=True, fps=5.0, fingerprint="f")], AuditRow)
    order = sorted(before.column_names, key=lambda name: (name == "fingerprint", name == "fps", name))
    parquet.write_table(before.select(order), tmp_path / "0.parquet")
    parquet.write_table(
        table_of([AuditRow(1, "b.avi", "b", fps=6.0, fingerprint="g")], AuditRow), tmp_path / "1.parquet"
    )
    videos = read_table(merge_tables([tmp_path / "0.parquet", tmp_path / "1.parquet"], tmp_path / "videos.parquet"))
    assert list(videos.columns) == order
    assert videos[["video", "fps", "fingerprint"]].values.tolist() == [[0, 5.0, "f"], [1, 6.0, "g"]]
    assert videos["correct"].tolist() == [True, None]


def test_lists_of_an_audit_are_stored_in_single_precision():
    row = AuditRow(0, "a.avi", "a", logits=[0.1])
    kinds = [str(table_of([row], AuditRow, short_lists=short).schema.field("logits").type) for short in (True, False)]
    assert kinds == ["list<item: float>", "list<item: double>"]
