"""Photographs made up from a seed: the same pixels and files on every machine, with no download."""
import io

import numpy
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 500, 375
OCTAVES = (250, 125, 63, 32, 16, 8, 4, 2)  # pixels a cell
GRAIN = 3.5                                # standard deviation, in levels, of the sensor's noise
QUALITY = 92


def noise(source, cell, channels):
    """Smooth noise with features of `cell` pixels: [HEIGHT, WIDTH, channels], about [-1, 1]."""
    rows, columns = HEIGHT // cell + 2, WIDTH // cell + 2
    layers = []
    for _ in range(channels):
        grid = source.standard_normal((rows, columns)).astype(numpy.float32)
        size = (columns * cell, rows * cell)
        layers.append(numpy.asarray(Image.fromarray(grid).resize(size, Image.BICUBIC)))
    return numpy.stack(layers, axis=2)[:HEIGHT, :WIDTH]


def draw_things(source, picture):
    """Flat and round things with edges, as photographs have."""
    canvas = ImageDraw.Draw(picture)
    for _ in range(int(source.integers(6, 14))):
        left, top = source.uniform(-60, WIDTH), source.uniform(-60, HEIGHT)
        box = (left, top, left + source.uniform(20, 200), top + source.uniform(20, 200))
        colour = tuple(int(value) for value in source.integers(0, 256, 3))
        (canvas.ellipse if source.uniform() < 0.5 else canvas.rectangle)(box, fill=colour)


def photograph(seed):
    """One picture: things under a falling spectrum of luminance and weaker colour, and grain."""
    source = numpy.random.default_rng(seed)
    base = Image.new("RGB", (WIDTH, HEIGHT), tuple(int(v) for v in source.integers(60, 200, 3)))
    draw_things(source, base)
    pixels = numpy.asarray(base.filter(ImageFilter.GaussianBlur(1.0))).astype(numpy.float32)
    for cell in OCTAVES:
        amplitude = 30.0 * (cell / OCTAVES[0]) ** 0.35
        pixels += amplitude * noise(source, cell, 1)
        if cell >= 16:
            pixels += 0.4 * amplitude * noise(source, cell, 3)
    pixels += GRAIN * source.standard_normal((HEIGHT, WIDTH, 1)).astype(numpy.float32)
    return Image.fromarray(numpy.clip(pixels, 0, 255).astype(numpy.uint8))


def jpeg_of(picture):
    """A file as cameras and photo sites write them: 4:2:0, about 2.6 bits a pixel."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY, subsampling="4:2:0")
    return file.getvalue()


def write_folder(folder, count):
    """Writes `count` files in two classes; returns their mean size in bytes."""
    sizes = []
    for i in range(count):
        path = folder / ("a", "b")[i % 2] / f"{i:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg_of(photograph(i)))
        sizes.append(path.stat().st_size)
    return sum(sizes) / count


def pixels_of(count, side=None):
    """uint8 [count, height, width, 3]: whole pictures, or shrunk to side x side."""
    pictures = [photograph(i) for i in range(count)]
    if side is not None:
        pictures = [picture.resize((side, side), Image.BILINEAR) for picture in pictures]
    return numpy.stack([numpy.asarray(picture) for picture in pictures])
