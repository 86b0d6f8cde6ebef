from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import shapely
from PIL import Image
from starlette.testclient import TestClient

from acinus.core.files import read_json, write_json
from acinus.results.artefacts import DrawnArtefact, write_artefacts
from acinus.viewer import create_app

from .conftest import write_result

SLIDE = "/api/slides/slide_2"


def test_the_list_names_every_slide(client: TestClient) -> None:
    listed = client.get("/api/slides").json()
    assert listed["title"] == "run"
    assert listed["slides"] == [
        {"name": "slide_2", "segmented": True},
        {"name": "slide_10", "segmented": True},
    ]
    assert listed["notices"] == []


def test_a_slide_says_its_size_resolution_and_grid(client: TestClient) -> None:
    slide = client.get(SLIDE).json()
    assert (slide["width_px"], slide["height_px"], slide["mpp"]) == (600, 400, 0.5)
    assert (slide["tile_px"], slide["top_level"], slide["segmented"]) == (256, 2, True)


def test_artefacts_come_as_rings_from_the_slides_corner_and_are_said(run_folder: Path) -> None:
    folder = run_folder / "slide_2"
    ring = shapely.Polygon(
        shapely.box(0, 0, 90, 60).exterior.coords, [shapely.box(30, 20, 60, 40).exterior.coords]
    )
    write_artefacts(folder / "artefacts.geojson", [DrawnArtefact("fold", ring)], name="s", origin_px=(0, 7))
    record = read_json(folder / "image.json")
    origin = {"from": "bounds", "x_px": 0, "y_px": 7}
    write_json(folder / "image.json", {**record, "origin": origin, "artefacts": {"fold": 1200.0}})
    with TestClient(create_app(run_folder), base_url="http://127.0.0.1") as client:
        [found] = client.get(SLIDE + "/artefacts").json()
        assert found["kind"] == "fold"
        assert [shapely.Polygon(each).bounds for each in found["rings"]] == [(0, 0, 90, 60), (30, 20, 60, 40)]
        assert "Artefacts left out: fold 0.0012 mm²" in client.get(SLIDE).json()["notices"]
        assert client.get("/api/slides/slide_10/artefacts").json() == []


def test_its_glands_say_their_statistics(client: TestClient) -> None:
    glands = client.get(SLIDE + "/glands").json()
    assert glands["count"] == 12
    assert [statistic["label"] for statistic in glands["statistics"][:2]] == ["Area", "Length"]
    assert glands["statistics"][0]["unit"] == "µm²"
    assert 50 < glands["typical_px"] < 60  # √(π 29²) = 51 to √(π 31²) = 55


def test_tiles_are_jpeg_of_the_slides_pixels(client: TestClient) -> None:
    answer = client.get(SLIDE + "/tiles/2/0_0.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    tile = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert tile.shape == (256, 256, 3)
    assert np.abs(tile[2, 2].astype(int) - (238, 190, 214)).max() < 6
    assert np.abs(tile[80, 92].astype(int) - (130, 70, 150)).max() < 12
    edge = client.get(SLIDE + "/tiles/2/2_1.jpg")
    assert Image.open(io.BytesIO(edge.content)).size == (88, 144)
    assert client.get(SLIDE + "/tiles/2/0_0.jpg").content == answer.content  # from the cache
    thumbnail = client.get(SLIDE + "/thumbnail.jpg")
    assert Image.open(io.BytesIO(thumbnail.content)).size == (160, 107)


def test_numbers_come_as_plain_arrays(client: TestClient) -> None:
    centroids = np.frombuffer(client.get(SLIDE + "/centroids").content, "<f4").reshape(-1, 2)
    areas = np.frombuffer(client.get(SLIDE + "/values/0").content, "<f4")
    np.testing.assert_allclose(centroids[0], (80.5, 80.5), atol=0.2)
    np.testing.assert_allclose(areas[0], np.pi * 18**2 * 0.25, rtol=0.02)
    assert len(areas) == len(centroids) == 12


def test_a_click_leads_to_a_glands_numbers(client: TestClient) -> None:
    assert client.get(SLIDE + "/at?x=220&y=200&reach=2").json() == {"glands": [5]}
    assert client.get(SLIDE + "/at?x=5&y=5&reach=2").json() == {"glands": []}
    gland = client.get(SLIDE + "/glands/5").json()
    assert gland["name"] == "Gland 6"
    assert client.get(f"{SLIDE}/ids/{gland['id']}").json() == gland
    assert gland["numbers"][0] == pytest.approx(np.pi * 28**2 * 0.25, rel=0.02)


def test_outlines_in_view_are_sent_and_others_not(client: TestClient) -> None:
    def glands(query: str) -> int:
        content = client.get(f"{SLIDE}/outlines?{query}").content
        return int(np.frombuffer(content, "<u4", 4)[1])

    assert glands("left=0&top=0&right=600&bottom=400&scale=1") == 12
    assert glands("left=0&top=0&right=120&bottom=120&scale=1") == 1


def test_marks_are_kept_shown_exported_and_taken_away(client: TestClient, run_folder: Path) -> None:
    gland = client.get(SLIDE + "/glands/5").json()
    assert client.put(f"{SLIDE}/marks/{gland['id']}", json={"mark": "wrong"}).json() == {"mark": "wrong"}
    assert client.get(SLIDE + "/marks").json() == {"5": "wrong"}
    assert (run_folder / "slide_2" / "marks.json").exists()
    exported = client.get(SLIDE + "/marks.geojson")
    assert exported.headers["content-disposition"] == 'attachment; filename="slide_2_marks.geojson"'
    assert exported.json()["features"][0]["properties"]["classification"]["name"] == "Wrong"
    assert client.delete(f"{SLIDE}/marks/{gland['id']}").json() == {"mark": None}
    assert client.get(SLIDE + "/marks").json() == {}


@pytest.mark.parametrize(
    "address",
    [
        "/api/slides/absent",
        "/api/slides/absent/tiles/0/0_0.jpg",
        SLIDE + "/tiles/3/0_0.jpg",
        SLIDE + "/tiles/2/3_0.jpg",
        SLIDE + "/tiles/2/-1_0.jpg",
        SLIDE + "/values/99",
        SLIDE + "/glands/12",
        SLIDE + "/ids/12",
        "/static/absent.js",
        "/absent",
    ],
)
def test_what_is_not_there_is_404(client: TestClient, address: str) -> None:
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    "query", ["", "x=1&y=2", "x=a&y=1&reach=1", "x=nan&y=1&reach=1", "x=1&y=inf&reach=1"]
)
def test_a_query_without_numbers_is_an_error_of_one_line(client: TestClient, query: str) -> None:
    answer = client.get(f"{SLIDE}/at?{query}")
    assert answer.status_code == 422
    assert "numbers" in answer.json()["error"]


def test_a_bare_slide_has_no_glands_and_no_marks(run_folder: Path) -> None:
    images = run_folder.parent / "images"
    with TestClient(create_app(images), base_url="http://localhost") as client:
        assert client.get("/api/slides").json()["slides"][0] == {"name": "slide_2", "segmented": False}
        slide = client.get(SLIDE).json()
        assert (slide["mpp"], slide["segmented"]) == (None, False)
        assert "--mpp" in slide["notices"][0]
        assert client.get(SLIDE + "/tiles/0/0_0.jpg").status_code == 200
        for rest in ("/glands", "/centroids", "/marks", "/marks.geojson"):
            assert client.get(SLIDE + rest).status_code == 404


def test_a_lost_slide_shows_its_glands_on_white_and_says_so(run_folder: Path) -> None:
    (run_folder.parent / "images" / "slide_2.png").unlink()
    with TestClient(create_app(run_folder), base_url="http://localhost") as client:
        assert "is gone" in client.get(SLIDE).json()["notices"][0]
        tile = np.asarray(Image.open(io.BytesIO(client.get(SLIDE + "/tiles/2/0_0.jpg").content)))
        assert tile.min() > 250
        assert client.get(SLIDE + "/glands").json()["count"] == 12


def test_a_path_that_this_machine_cannot_even_look_at_is_a_lost_slide(run_folder: Path) -> None:
    facts = read_json(run_folder / "slide_2" / "image.json")
    write_json(run_folder / "slide_2" / "image.json", facts | {"path": "/" + "x" * 1000 + ".svs"})
    with TestClient(create_app(run_folder), base_url="http://localhost") as client:
        assert "is gone" in client.get(SLIDE).json()["notices"][0]


def test_a_file_of_another_size_is_not_shown_as_the_slide_that_was_segmented(run_folder: Path) -> None:
    Image.new("RGB", (500, 300), (40, 40, 40)).save(run_folder.parent / "images" / "slide_2.png")
    with TestClient(create_app(run_folder), base_url="http://localhost") as client:
        slide = client.get(SLIDE).json()
        assert (slide["width_px"], slide["height_px"], slide["mpp"]) == (600, 400, 0.5)
        [notice] = slide["notices"]
        assert "slide_2.png is not the file that was segmented" in notice
        assert "500 × 300 px instead of 600 × 400" in notice
        tile = np.asarray(Image.open(io.BytesIO(client.get(SLIDE + "/tiles/2/0_0.jpg").content)))
        assert tile.min() > 250
        assert client.get(SLIDE + "/glands").json()["count"] == 12


def test_a_damaged_slide_or_outline_file_costs_only_itself(run_folder: Path) -> None:
    (run_folder.parent / "images" / "slide_2.png").write_bytes(b"\x89PNG broken")
    (run_folder / "slide_10" / "glands.geojson").write_bytes(b"{")
    with TestClient(create_app(run_folder), base_url="http://localhost") as client:
        assert client.get(SLIDE).status_code == 422
        assert "damaged" in client.get(SLIDE).json()["error"]
        assert client.get("/api/slides/slide_10").status_code == 200
        assert client.get("/api/slides/slide_10/tiles/2/0_0.jpg").status_code == 200
        assert "glands.geojson" in client.get("/api/slides/slide_10/glands").json()["error"]


def test_a_slide_unlike_what_the_model_knows_says_so(tmp_path: Path, image_record) -> None:
    record = image_record(unfamiliar={"look": "looks unlike the images of the fit"})
    write_result(tmp_path / "slide_2", tmp_path / "slide_2.png", record)
    with TestClient(create_app(tmp_path), base_url="http://localhost") as client:
        assert "Unfamiliar: looks unlike the images of the fit" in client.get(SLIDE).json()["notices"]
