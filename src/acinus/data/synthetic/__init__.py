"""Seeded H&E pictures of glands with exact truth, drawn from first principles.

Where each ingredient comes from:

- `stains`: amounts of haematoxylin and eosin become colour by the law of Beer and Lambert, with the stain vectors
  of Ruifrok & Johnston (2001).
- `glands`: where glands lie and their outlines; `epithelium`: their inside; `nuclei`: every nucleus and goblet cell.
- `stroma`: fibres, muscle, lymphocytes; `tissue`: where the glass is empty.
- `scanner`: blur, light, noise, JPEG.
- `fields`: the random fields all of them use, functions of seed and place.
- `world` puts them together for any box; `tile` makes images, `slide` whole slides.
"""

from acinus.data.synthetic.settings import SyntheticSettings
from acinus.data.synthetic.tile import SyntheticTile, synthetic_tile, write_synthetic_tiles

__all__ = ["SyntheticSettings", "SyntheticTile", "synthetic_tile", "write_synthetic_tiles"]
