"""Reads vector tiles (MVT 2.1) for tests: {layer: [(id, type, properties, rings or points)]}, strict about what the specification asks."""

import struct


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _fields(data):
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value, at = _varint(data, at)
        elif tag & 7 == 1:
            value, at = data[at : at + 8], at + 8
        elif tag & 7 == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
            assert len(value) == size
        else:
            raise AssertionError(f"wire type {tag & 7}")
        yield tag >> 3, value


def _packed(data):
    at, out = 0, []
    while at < len(data):
        value, at = _varint(data, at)
        out.append(value)
    return out


def _value(data):
    ((kind, value),) = _fields(data)
    if kind == 1:
        return value.decode()
    if kind == 3:
        return struct.unpack("<d", value)[0]
    if kind == 6:
        return value >> 1 ^ -(value & 1)
    return bool(value) if kind == 7 else value


def _paths(numbers):
    paths, x, y, at = [], 0, 0, 0
    while at < len(numbers):
        command, count = numbers[at] & 7, numbers[at] >> 3
        at += 1
        if command == 7:
            continue
        for _ in range(count):
            x += numbers[at] >> 1 ^ -(numbers[at] & 1)
            y += numbers[at + 1] >> 1 ^ -(numbers[at + 1] & 1)
            at += 2
            if command == 1:
                paths.append([])
            paths[-1].append((x, y))
    return paths


def read(tile):
    layers = {}
    for number, layer in _fields(tile):
        assert number == 3
        parts = list(_fields(layer))
        keys = [v.decode() for n, v in parts if n == 3]
        values = [_value(v) for n, v in parts if n == 4]
        assert [v for n, v in parts if n == 15] == [2] and len(set(keys)) == len(keys)
        features = []
        for n, feature in parts:
            if n != 2:
                continue
            f = dict(_fields(feature))
            tags = _packed(f.get(2, b""))
            properties = {keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2])}
            features.append((f.get(1), f[3], properties, _paths(_packed(f[4]))))
        (name,) = [v.decode() for n, v in parts if n == 1]
        assert name not in layers
        layers[name] = features
    return layers
