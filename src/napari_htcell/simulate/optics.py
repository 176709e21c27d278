"""From a transmitted wave to a grey image: phase ring, objective, lamp, camera."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import j1

from napari_htcell.simulate.config import SimulationConfig, draw

Wave = NDArray[np.complex64]
Grey = NDArray[np.float32]


def ring_kernel(
    pixel_size_um: float, *, ring_radius_per_um: float, halo_width_um: float
) -> NDArray[np.float32]:
    """Point spread of the light that goes through the phase ring.

    The ring's amplitude is ring(r) = [R J1(2 pi R r) - (R - W) J1(2 pi (R - W) r)] / r (Yin and
    Kanade, Medical Image Analysis 16 (2012), equation for the obscured Airy pattern). Its
    square is taken: the condenser's annulus lights the specimen from every one of its points,
    and the sum over these tilts is the autocorrelation of the ring, the square in space. It is
    cut at 1 / W, the first zero of its envelope.

    Parameters
    ----------
    pixel_size_um : float
        Side of a pixel in um.
    ring_radius_per_um : float
        R, in cycles per um.
    halo_width_um : float
        1 / W in um; the narrower the ring, the wider the halo.

    Returns
    -------
    ndarray of float32, shape (2 K + 1, 2 K + 1)
        Sums to one.
    """
    outer = ring_radius_per_um
    inner = max(outer - 1 / halo_width_um, 0.0)
    fold = 3  # the ripples are about as fine as a pixel: average each pixel over 3 x 3 samples
    reach = int(np.ceil(halo_width_um / pixel_size_um))
    side = (np.arange(fold * (2 * reach + 1)) - (fold * (2 * reach + 1) - 1) / 2) / fold
    radius = np.hypot(side[:, None], side[None, :]) * pixel_size_um
    r = np.maximum(radius, 1e-3)
    ring = (outer * j1(2 * np.pi * outer * r) - inner * j1(2 * np.pi * inner * r)) / r
    power = np.where(radius <= halo_width_um, ring**2, 0)
    size = 2 * reach + 1
    kernel = power.reshape(size, fold, size, fold).mean(axis=(1, 3))
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def through_ring(wave: Wave, kernel: NDArray[np.float32]) -> Wave:
    """Convolve a wave with the ring's point spread; the field goes on mirrored at its border."""
    reach = kernel.shape[0] // 2
    padded = np.pad(wave, reach, mode="reflect" if reach < min(wave.shape) else "symmetric")
    shape = [scipy.fft.next_fast_len(side + reach) for side in padded.shape]
    spectrum = scipy.fft.fft2(padded, s=shape)
    spectrum *= scipy.fft.fft2(kernel.astype(np.complex64), s=shape)
    blurred = scipy.fft.ifft2(spectrum, overwrite_x=True)
    start = 2 * reach
    return np.asarray(
        blurred[start : start + wave.shape[0], start : start + wave.shape[1]], dtype=np.complex64
    )


def phase_contrast(wave: Wave, config: SimulationConfig, rng: np.random.Generator) -> Grey:
    """Intensity behind the phase ring, relative to that of the empty background.

    With t the transmitted wave and p the ring's point spread the camera sees
    |t - (1 + i a) p * t|^2 / a^2, a the ring's amplitude. For t = exp(i phase) and a small phase
    this is the linear model of Yin and Kanade, 1 - (2 / a) (delta - p) * phase; the full form
    also turns the thick, rounded cells bright.

    Parameters
    ----------
    wave : ndarray of complex64, shape (Y, X)
        Transmitted wave, 1 where there is nothing.
    config : SimulationConfig
        Ranges of ring, contrast and blur.
    rng : numpy.random.Generator
        Draws this image's microscope.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        1 in the empty background.
    """
    kernel = ring_kernel(
        config.pixel_size_um,
        ring_radius_per_um=draw(config.ring_radius_per_um, rng),
        halo_width_um=draw(config.halo_width_um, rng),
    )
    amplitude = np.float32(draw(config.ring_amplitude, rng))
    field = wave - np.complex64(1 + 1j * amplitude) * through_ring(wave, kernel)
    intensity = (field.real**2 + field.imag**2) / amplitude**2
    contrast = np.float32(draw(config.contrast, rng))
    intensity = 1 + contrast * (intensity - 1)
    sigma_px = draw(config.blur_um, rng) / config.pixel_size_um
    return np.asarray(gaussian_filter(intensity, sigma_px, truncate=3), dtype=np.float32)


def lamp(shape: tuple[int, int], config: SimulationConfig, rng: np.random.Generator) -> Grey:
    """Uneven illumination: a vignette off the middle and a slope, 1 on average."""
    strength = draw(config.shading, rng)
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] - np.float32(rng.uniform(-0.5, 0.5))
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :] - np.float32(rng.uniform(-0.5, 0.5))
    slope_y, slope_x = (np.float32(value) for value in rng.uniform(-0.5, 0.5, 2) * strength)
    light = 1 - np.float32(strength / 2) * (y**2 + x**2) + slope_y * y + slope_x * x
    return np.asarray(light / light.mean(), dtype=np.float32)


def camera(light: Grey, config: SimulationConfig, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Exposure, shot and read noise, eight bits, and now and then JPEG.

    Parameters
    ----------
    light : ndarray of float32, shape (Y, X)
        Intensity, 1 in the empty background.
    config : SimulationConfig
        Ranges of exposure and noise.
    rng : numpy.random.Generator
        Draws exposure and noise.

    Returns
    -------
    ndarray of uint8, shape (Y, X)
    """
    grey = light * np.float32(draw(config.background_grey, rng))
    per_grey = draw(config.electrons_at_white, rng) / 255
    read = draw(config.read_noise_grey, rng)
    # thousands of electrons a pixel: a normal of variance = mean is Poisson at a fraction of cost
    sigma = np.sqrt(np.maximum(grey, 0) / np.float32(per_grey) + np.float32(read**2))
    grey += sigma * rng.standard_normal(grey.shape, dtype=np.float32)
    image: NDArray[np.uint8] = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    if rng.random() < config.jpeg_probability:
        quality = round(draw(config.jpeg_quality, rng))
        _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
    return image
