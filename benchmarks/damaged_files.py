"""Damage the headers of files of every kind that is read, and count what comes of it.

Run ``OMP_NUM_THREADS=1 python benchmarks/damaged_files.py --files 10000``; ``--dicom FILE`` adds DICOM. Each
file is opened and read as ``acinus segment`` would. It must be read or refused in one line, in seconds and in
bounded memory; the table says how many were which, and every other end is listed with the seed that makes the
file again (``--first SEED --files 1``).
"""

from __future__ import annotations

import argparse
import io
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import tifffile
import zarr
import zarr.storage
from PIL import Image

from acinus.core.errors import AcinusError
from acinus.core.geometry import Box
from acinus.slides import describe, open_slide
from acinus.slides.images import is_slide, whole_image

KINDS = (
    "a.tif",
    "tiled.tif",
    "planar.tif",
    "pyramid.tif",
    "a.ome.tif",
    "a.svs",
    "a.png",
    "deep.png",
    "a.jpg",
    "a.bmp",
    "a.zarr.zip",
)
HEAD_BYTES = 700  # where headers lie: at the start of a file, or at its end
MOST_SECONDS = 30
MOST_BYTES = 4_000_000_000
BATCH = 250


def sound(kind: str) -> bytes:
    """Return a file of a kind as it should be."""
    rgb = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    scale = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
    stream = io.BytesIO()
    if kind == "a.zarr.zip":
        return zarr_zip(rgb)
    if kind.endswith((".png", ".jpg", ".bmp")):
        if kind == "deep.png":
            import cv2

            return bytes(cv2.imencode(".png", rgb.astype(np.uint16) << 4)[1])
        exif = Image.Exif()
        exif[274] = 6
        Image.fromarray(rgb).save(stream, {"png": "PNG", "jpg": "JPEG", "bmp": "BMP"}[kind[-3:]], exif=exif)
        return stream.getvalue()
    tiles = {"tile": (32, 32), "compression": "zlib", "photometric": "rgb"}
    with tifffile.TiffWriter(stream, ome=kind == "a.ome.tif") as writer:
        if kind == "a.ome.tif":
            sizes = {"axes": "YXS", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "SignificantBits": 8}
            writer.write(rgb[:32], metadata=sizes, **tiles)
            writer.write(rgb, metadata=sizes, subifds=1, **tiles)
            writer.write(rgb[::2, ::2], subfiletype=1, metadata=None, **tiles)
        elif kind == "a.svs":
            text = "Aperio Image Library v12\r\n96x96|AppMag = 20|MPP = 0.5"
            for page in (rgb, rgb[::3, ::3]):
                tiled = {"tile": (32, 32)} if page is rgb else {}
                writer.write(
                    page, photometric="rgb", compression="jpeg", description=text, metadata=None, **tiled
                )
        elif kind == "planar.tif":
            deep = np.moveaxis(rgb, 2, 0).astype(np.uint16) << 4
            writer.write(deep, planarconfig="separate", metadata=None, **tiles, **scale)
        elif kind == "pyramid.tif":
            for page in (rgb, rgb[::2, ::2], rgb[::4, ::4]):
                writer.write(page, metadata=None, **tiles, **scale)
        else:
            writer.write(
                rgb, metadata=None, **(tiles if kind == "tiled.tif" else {"photometric": "rgb"}), **scale
            )
    return stream.getvalue()


def zarr_zip(rgb: np.ndarray) -> bytes:
    """Return an OME-Zarr of version 0.5 with two levels."""
    store = zarr.storage.MemoryStore()
    group = zarr.open_group(store, mode="w", zarr_format=3)
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"]
    levels = []
    for step in (1, 2):
        group.create_array(str(step), data=np.moveaxis(rgb[::step, ::step], 2, 0), chunks=(1, 48, 48))
        scale = {"type": "scale", "scale": [1.0, 0.5 * step, 0.5 * step]}
        levels.append({"path": str(step), "coordinateTransformations": [scale]})
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": levels}]}
    return zipped({name: value.to_bytes() for name, value in store._store_dict.items()})


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip of files, uncompressed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def damaged(data: bytes, seed: int) -> bytes:
    """Return a file with a few bytes of its headers changed, numbers of its XML replaced, or its end lost.

    Of a zip two in three are damaged inside, in one of its files, so that its checksums are right.
    """
    rng = np.random.default_rng(seed)
    if data.startswith(b"PK") and seed % 3:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        texts = [name for name in files if name.endswith("zarr.json")]
        name = str(rng.choice(texts if seed % 2 else list(files)))
        return zipped(files | {name: damaged(files[name], 3 * seed + 1)})
    changed = bytearray(data)
    if seed % 5 == 0:
        changed = changed[: int(rng.integers(4, len(changed)))]
    if seed % 7 == 0 and b"</OME>" in data:
        number = rng.choice([b"0", b"-1", b"1e999", b"nan", b"99999999999", b"2147483648", b"\xff", b"x"])
        texts = [found.span() for found in re.finditer(rb'(?<==")[\d.]+(?=")', changed)]
        if texts:
            start, end = texts[int(rng.integers(len(texts)))]
            changed[start:end] = number[: end - start].ljust(end - start)  # offsets behind it stay right
    places = [
        *range(4, min(HEAD_BYTES, len(changed))),
        *range(max(4, len(changed) - HEAD_BYTES), len(changed)),
    ]
    for _ in range(int(rng.integers(1, 5))):
        if places:
            place = int(rng.choice(places))
            value = rng.choice(
                [b"\x00", b"\xff", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", rng.bytes(1), rng.bytes(2)]
            )
            changed[place : place + len(value)] = value
    return bytes(changed)


def read(path: Path) -> None:
    """Open a file and read it as ``acinus info`` and ``acinus segment`` do."""
    describe(path)
    with open_slide(path, mpp=0.5) as slide:
        if not is_slide(slide):
            whole_image(slide)
            return
        slide.read(Box(0, 0, min(slide.size.width, 20_000), min(slide.size.height, 20_000)), mpp=8.0)
        slide.read(Box(slide.size.width // 2, slide.size.height // 2, 512, 512), mpp=0.5)


def outcome(path: Path) -> str:
    """Return ``read``, ``refused``, or what else became of a file."""

    def too_long(*_: object) -> None:
        raise TimeoutError(f"more than {MOST_SECONDS} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(MOST_SECONDS)
    try:
        read(path)
    except AcinusError as error:
        return "refused" if "\n" not in str(error) else f"several lines: {error}"
    except BaseException as error:  # that is what is looked for
        return f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    return "read"


def batch(kind: str, data: bytes, first: int, count: int) -> None:
    """Try a batch of files in this process; print one line per outcome, then the most memory in MB."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / kind
        for seed in range(first, first + count):
            path.write_bytes(damaged(data, seed))
            start = time.process_time()
            ended = " ".join(outcome(path).split())
            print(f"{seed}\t{time.process_time() - start:.2f}\t{ended}", flush=True)
    print(f"memory\t{(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:.0f}")


def main() -> None:
    """Print one row per kind of file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--dicom", type=Path, help="a sound DICOM slide")
    parser.add_argument("--batch", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.batch:
        [kind] = given.kinds
        data = given.dicom.read_bytes() if kind == "a.dcm" else sound(kind)
        batch(kind, data, given.first, given.files)
        return
    print("| kind | files | read | refused | other | longest s | memory MB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for kind in (*given.kinds, *(("a.dcm",) if given.dicom else ())):
        ends, longest, memory, others = Counter(), 0.0, 0, []
        for first in range(given.first, given.first + given.files, BATCH):
            count = min(BATCH, given.first + given.files - first)
            words = ["--batch", "--kinds", kind, "--first", str(first), "--files", str(count)]
            words += ["--dicom", str(given.dicom)] if given.dicom else []
            done = subprocess.run(
                [sys.executable, __file__, *words], capture_output=True, text=True, check=False
            )
            for line in done.stdout.splitlines():
                seed, number, *ended = line.split("\t")
                if seed == "memory":
                    memory = max(memory, int(number))
                    continue
                longest = max(longest, float(number))
                sort = ended[0] if ended[0] in ("read", "refused") else "other"
                ends[sort] += 1
                if sort == "other":
                    others.append(f"{kind} {seed}: {ended[0]}")
            if done.returncode:
                ends["other"] += 1
                others.append(f"{kind} from {first}: ended with {done.returncode} {done.stderr[-300:]}")
        row = (
            kind,
            sum(ends.values()),
            ends["read"],
            ends["refused"],
            ends["other"],
            f"{longest:.1f}",
            memory,
        )
        print(f"| {' | '.join(map(str, row))} |", *others[:20], sep="\n", flush=True)


if __name__ == "__main__":
    main()
