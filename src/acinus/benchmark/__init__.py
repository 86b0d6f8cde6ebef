"""Methods compared on one data set: each (method, seed) in a fresh process, then tables and pictures."""

from acinus.benchmark.method import Method, ShowsClusters, ShowsStages
from acinus.benchmark.settings import BenchmarkSettings
from acinus.benchmark.verb import BenchmarkResult, run_benchmark

__all__ = ["BenchmarkResult", "BenchmarkSettings", "Method", "ShowsClusters", "ShowsStages", "run_benchmark"]
