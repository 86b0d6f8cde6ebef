"""What the microscope and its camera do to the light: blur, uneven illumination, noise, 8 bits, JPEG."""

from __future__ import annotations

import cv2
import numpy as np

from acinus.core.image import RgbArray
from acinus.data.synthetic.fields import Plane, grain, lay_texture

__all__ = ["compress", "digitise", "optics", "uneven_light"]


def optics(light: Plane, *, blur_um: float, mpp: float) -> Plane:
    """Blur as a lens does, light of shape (H, W, 3)."""
    if blur_um == 0:
        return light
    blurred: Plane = cv2.GaussianBlur(light, (0, 0), blur_um / mpp, borderType=cv2.BORDER_REFLECT)
    return blurred


def uneven_light(rng: np.random.Generator, height: int, width: int, *, strength: float) -> Plane:
    """Return the share of light that reaches each pixel, less far from a bright spot, float32 (H, W, 1)."""
    centre = rng.uniform(0.2, 0.8, 2)
    y, x = np.linspace(0, 1, height)[:, None] - centre[0], np.linspace(0, 1, width)[None, :] - centre[1]
    fall = strength * rng.uniform(0, 0.10) * (x**2 + y**2)
    tilt = strength * rng.normal(0, 0.012, 2)
    share: Plane = (1 - fall + tilt[0] * x + tilt[1] * y).astype(np.float32)[:, :, None]
    return share


def digitise(
    light: Plane, *, white: tuple[float, float, float], noise: float, x_px: int, y_px: int, mpp: float
) -> RgbArray:
    """Add sensor noise that belongs to the place and round to 8 bits.

    Noise vanishes on clean background, where scanners saturate, so that empty tiles are one colour.
    """
    height, width = light.shape[:2]
    shade = np.clip(4 * (1 - light / np.array(white, dtype=np.float32)), 0, 1)
    speckle = np.stack(
        [
            lay_texture(grain(0.45 * mpp, mpp), x_px + 341 * k, y_px + 517 * k, width, height)
            for k in range(3)
        ],
        axis=-1,
    )
    level = np.sqrt(np.maximum(light, 0) / 127.0)
    noisy = light + noise * 0.6 * speckle * level * shade
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def compress(rgb: RgbArray, *, quality: int) -> RgbArray:
    """Pass through JPEG and back."""
    _, data = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: RgbArray = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(decoded[:, :, ::-1])
