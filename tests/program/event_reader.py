"""Reads TensorBoard's event files by their description alone: framing, checksums, protocol buffers."""

import struct


def crc_table():
    """CRC-32C by polynomial division in the bits' natural order, then reflected: another road than
    the program's."""
    def reflect(value, bits):
        return int(format(value, f"0{bits}b")[::-1], 2)

    table = []
    for byte in range(256):
        remainder = reflect(byte, 8) << 24
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x1EDC6F41 if remainder & 0x80000000 else 0)
            remainder &= 0xFFFFFFFF
        table.append(reflect(remainder, 32))
    return table


TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def masked(crc):
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    """The data of all records; an AssertionError for anything that is not one."""
    offset = 0
    while offset < len(data):
        length, length_crc = struct.unpack_from("<QI", data, offset)
        assert length_crc == masked(crc32c(data[offset:offset + 8])), f"length at {offset}"
        body = data[offset + 12:offset + 12 + length]
        assert len(body) == length, f"record at {offset} is torn"
        crc, = struct.unpack_from("<I", data, offset + 12 + length)
        assert crc == masked(crc32c(body)), f"data at {offset}"
        yield body
        offset += 16 + length


def varint(data, offset):
    value, shift = 0, 0
    while True:
        byte = data[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, offset


def fields(data):
    """Field number to the list of its values: integers, or bytes for everything else."""
    found, offset = {}, 0
    while offset < len(data):
        key, offset = varint(data, offset)
        kind = key & 7
        if kind == 0:
            value, offset = varint(data, offset)
        else:
            length = {1: 8, 5: 4}.get(kind)
            if length is None:
                assert kind == 2, f"wire type {kind}"
                length, offset = varint(data, offset)
            value = data[offset:offset + length]
            assert len(value) == length
            offset += length
        found.setdefault(key >> 3, []).append(value)
    return found


def real(data):
    return struct.unpack("<d", data)[0]


def reals(data):
    return list(struct.unpack(f"<{len(data) // 8}d", data))


def hparams(content):
    """HParamsPluginData: what a run started with, and how it ended."""
    message = fields(content)
    if 4 in message:
        return {"status": fields(message[4][0])[1][0]}
    settings = {}
    for entry in fields(message[3][0])[1]:
        pair = fields(entry)
        value = fields(pair[2][0])
        settings[pair[1][0].decode()] = (
            real(value[2][0]) if 2 in value else value[3][0].decode() if 3 in value
            else bool(value[4][0]))
    return {"settings": settings}


def describe(value):
    """A Summary.Value as (tag, kind, content)."""
    tag = value[1][0].decode()
    if 2 in value:
        return tag, "scalar", struct.unpack("<f", value[2][0])[0]
    if 4 in value:
        image = fields(value[4][0])
        return tag, "image", (image[1][0], image[2][0], image[3][0], image[4][0])
    if 5 in value:
        histogram = fields(value[5][0])
        low, high, count, total, squares = (real(histogram[k][0]) for k in range(1, 6))
        return tag, "histogram", {"min": low, "max": high, "num": count, "sum": total,
                                  "squares": squares, "limits": reals(histogram[6][0]),
                                  "counts": reals(histogram[7][0])}
    plugin = fields(fields(value[9][0])[1][0])
    name = plugin[1][0].decode()
    if name == "hparams":
        return tag, name, hparams(plugin[2][0])
    return tag, name, fields(value[8][0])[8][0].decode()


def events(path):
    """(step, tag, kind, content) of every value of a file; its first record is the version."""
    bodies = [fields(body) for body in records(path.read_bytes())]
    assert bodies[0][3] == [b"brain.Event:2"], "the first record names the version"
    found = []
    for event in bodies[1:]:
        step = event.get(2, [0])[0]
        if 7 in event:
            found.append((step, "", "session", fields(event[7][0])[1][0]))
        for summary in event.get(5, []):
            for value in fields(summary).get(1, []):
                found.append((step, *describe(fields(value))))
    return found


def events_of_run(folder):
    """Of all files of a run, in the order in which readers take them."""
    found = []
    for path in sorted((folder / "tensorboard").iterdir()):
        found += events(path)
    return found
