"""Methods compared on one data set: each (method, seed) in a process of its own, then tables and pictures."""

from acinus.benchmark.method import Method, ShowsClusters, ShowsStages
from acinus.benchmark.run import BenchmarkResult, run_benchmark

__all__ = ["BenchmarkResult", "Method", "ShowsClusters", "ShowsStages", "run_benchmark"]
