"""Seeded synthetic H&E images of glands with exact truth, made from first principles.

Where each ingredient comes from:

- `stains`: amounts of haematoxylin and eosin become colour by the law of Beer and Lambert, with stain vectors
  near those of Ruifrok & Johnston (2001), Anal Quant Cytol Histol 23:291; amounts and spread were set by eye
  and by the mean colours of the images of GlaS.
- `glands`: where glands lie and their outlines; `sheet`: the outline of one beside its neighbours, its lumen;
  `lining`: its cells; `epithelium`: all of it together with the cleft that shrinkage leaves around it.
- `nuclei`: every nucleus, goblet cell and red cell, an ellipse with chromatin and a membrane.
- `stroma`: fibres, muscle, lymphocytes, plasma cells, blood; `tissue`: where there is only background.
- `scanner`: blur, uneven light, noise, JPEG.
- `fields`: the random fields all of them use, functions of seed and place (no published method is followed).
- `world` puts them together for any box; `tile` makes images, `slide` whole slides, written by `pyramid`.

Glands are hard to find by colour on purpose, as in real colon: lymphocytes are darker than the goblet
cells inside a benign crypt, and lumen, cleft and background are equally white. `textures` is the opposite:
two plain textures that any method should tell apart.
"""

from acinus.data.synthetic.settings import SyntheticSettings
from acinus.data.synthetic.slide import synthetic_region, write_synthetic_slide
from acinus.data.synthetic.textures import two_texture_tile
from acinus.data.synthetic.tile import SyntheticTile, synthetic_tile, write_synthetic_tiles

__all__ = [
    "SyntheticSettings",
    "SyntheticTile",
    "synthetic_region",
    "synthetic_tile",
    "two_texture_tile",
    "write_synthetic_slide",
    "write_synthetic_tiles",
]
