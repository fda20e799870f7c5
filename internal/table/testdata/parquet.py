"""Writes parquet_*.parquet beside it, with pyarrow 22: one file for each codec."""
import datetime
import decimal
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

when = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)
rows = pa.table({
    "n": pa.array([1, None, 2**60], pa.int64()),
    "small": pa.array([-1, 2, 3], pa.int8()),
    "unsigned": pa.array([1, 2, 2**63], pa.uint64()),
    "float": pa.array([1.5, float("nan"), None], pa.float64()),
    "text": ["é", "", None],
    "bool": [True, None, False],
    "list": [["a", "b"], [], None],
    "object": [{"x": 1, "y": "z"}, None, {"x": 2, "y": None}],
    "local": pa.array([when, None, datetime.datetime(1969, 12, 31)], pa.timestamp("us")),
    "utc": pa.array([when] * 3, pa.timestamp("ms", tz="UTC")),
    "date": pa.array([datetime.date(2026, 1, 2)] * 3),
    "time": pa.array([datetime.time(3, 4, 5)] * 3, pa.time64("us")),
    "decimal": pa.array([decimal.Decimal("1.20")] * 3, pa.decimal128(30, 2)),
    "category": pa.array(["a", "b", "a"]).dictionary_encode(),
    "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
    "lists": pa.array([[[1, 2], [3]], [], None], pa.list_(pa.list_(pa.int32()))),
})
here = pathlib.Path(__file__).parent
for codec in ["snappy", "zstd", "gzip", "brotli", "lz4", "none"]:
    pq.write_table(rows, here / f"parquet_{codec}.parquet", compression=codec)
pq.write_table(pa.table({"old": pa.array([when], pa.timestamp("ns"))}), here / "parquet_int96.parquet", use_deprecated_int96_timestamps=True)
pq.write_table(pa.table({"bytes": pa.array([b"ok", b"\xff"])}), here / "parquet_bytes.parquet")
