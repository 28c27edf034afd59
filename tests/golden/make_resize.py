#!/usr/bin/env python3
"""Pillow's own resize, as torchvision's Resize and CenterCrop drive it, for tests/images.rs to compare with.

    pip install pillow && python tests/golden/make_resize.py > tests/golden/resize.json

Pictures are hashed noise over a gradient, so none needs to be stored: byte i of picture k is

    mix(i + 1000003 * k) >> 24                       where it is alpha, or every second 16-pixel band of rows
    (7 * x + 3 * y + 61 * channel) & 255             elsewhere

with mix as in murmur3's fmix32. A case lists the source size, the short side, the crop, filter, channels and whether
alpha is kept; what is stored of its result is FNV-1a over all bytes (interleaved, row by row) and a few of the bytes.
"""
import json

from PIL import Image, __version__

MASK = 0xFFFFFFFF


def mix(h):
    h ^= h >> 16
    h = (h * 0x85EBCA6B) & MASK
    h ^= h >> 13
    h = (h * 0xC2B2AE35) & MASK
    return h ^ (h >> 16)


def picture(k, width, height, alpha):
    out = bytearray()
    for y in range(height):
        for x in range(width):
            for c in range(4):
                noise = mix((len(out) + 1000003 * k) & MASK) >> 24
                if c == 3:
                    out.append(noise if alpha else 255)
                else:
                    out.append(noise if y // 16 % 2 else (7 * x + 3 * y + 61 * c) & 255)
    return Image.frombytes('RGBA', (width, height), bytes(out))


def resize(image, short, filter):
    """torchvision.transforms.Resize(short) on a Pillow image."""
    w, h = image.size
    new = (short, int(short * h / w)) if w <= h else (int(short * w / h), short)
    return image if new == image.size else image.resize(new, filter)


def center_crop(image, height, width):
    """torchvision.transforms.CenterCrop((height, width)) on a Pillow image."""
    w, h = image.size
    if width > w or height > h:
        left, top = max(width - w, 0) // 2, max(height - h, 0) // 2
        padded = Image.new(image.mode, (max(w, width), max(h, height)))
        padded.paste(image, (left, top))
        image = padded
        w, h = image.size
    left, top = int(round((w - width) / 2.0)), int(round((h - height) / 2.0))
    return image.crop((left, top, left + width, top + height))


def fnv1a(data):
    h = 0x811C9DC5
    for b in data:
        h = ((h ^ b) * 0x01000193) & MASK
    return h


# width, height, short side, crop height, crop width, keeps alpha
SIZES = [(97, 61, 64, 56, 56, False), (61, 97, 32, 28, 28, False), (320, 240, 73, 64, 64, False),
         (33, 20, 64, 56, 48, True), (5, 7, 48, 41, 41, False), (64, 64, 64, 64, 64, True),
         (200, 131, 40, 48, 36, True), (1, 90, 16, 16, 16, False), (160, 121, 120, 97, 113, False)]


def main():
    cases = []
    for k, (width, height, short, crop_height, crop_width, alpha) in enumerate(SIZES):
        source = picture(k, width, height, alpha)
        flat = Image.new('RGB', source.size, (255, 255, 255))
        flat.paste(source, mask=source.getchannel('A'))
        for name, filter in (('bilinear', Image.Resampling.BILINEAR), ('bicubic', Image.Resampling.BICUBIC)):
            for channels, image in ((3, flat), (1, flat.convert('L'))):
                data = center_crop(resize(image, short, filter), crop_height, crop_width).tobytes()
                cases.append({'picture': k, 'width': width, 'height': height, 'alpha': alpha, 'resize_short': short,
                              'crop': [crop_height, crop_width], 'filter': name, 'channels': channels,
                              'fnv1a': fnv1a(data), 'first': list(data[:6]), 'last': list(data[-6:])})
    lines = ',\n'.join(json.dumps(case, separators=(',', ':')) for case in cases)
    print(f'{{"pillow":"{__version__}","cases":[\n{lines}\n]}}')


if __name__ == '__main__':
    main()
