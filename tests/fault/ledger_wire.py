"""Bytes of HJ 212-2017 and of MQTT 3.1.1 and 5 as a device writes and reads them: only what the ledger test says.

Written from the standards, not from the server's code, so that a mistake there can't hide in a mistake here.
"""

import struct


class WireError(Exception):
    """The peer said something that no good peer says."""


# ---- HJ 212 ----


def hj212_crc(segment):
    """Appendix A: the register is shifted by a whole byte before each byte is mixed in. It is not MODBUS."""
    register = 0xFFFF
    for byte in segment:
        register = (register >> 8) ^ byte
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register


def hj212_frame(segment, spoil=0):
    """`spoil` ≠ 0: a CRC that is wrong by that much."""
    return b"##%04d%s%04X\r\n" % (len(segment), segment, hj212_crc(segment) ^ spoil)


def hj212_upload(qn, mn, cn, data, packet=None):
    """The segment of an upload that wants an answer; `packet` is (number of packets, this packet)."""
    number = f"PNUM={packet[0]};PNO={packet[1]};" if packet else ""
    return f"QN={qn};ST=32;CN={cn};PW=123456;MN={mn};Flag={7 if packet else 5};{number}CP=&&{data}&&".encode()


def hj212_take(buffer):
    """Takes one frame off the front of a bytearray: its header as a dictionary; None until it is whole."""
    if len(buffer) < 6:
        return None
    if buffer[:2] != b"##" or not buffer[2:6].isdigit():
        raise WireError(f"no frame: {bytes(buffer[:40])!r}")
    end = 6 + int(buffer[2:6])
    if len(buffer) < end + 6:
        return None
    segment, tail = bytes(buffer[6:end]), bytes(buffer[end : end + 6])
    if tail != b"%04X\r\n" % hj212_crc(segment):
        raise WireError(f"wrong CRC: {segment!r} {tail!r}")
    del buffer[: end + 6]
    head = segment.decode().partition("CP=&&")[0]
    return dict(field.split("=", 1) for field in head.split(";") if "=" in field)


# ---- MQTT ----

CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT = 0x20, 0x40, 0x50, 0x62, 0x70, 0xE0


def mqtt_length(n):
    out = bytearray()
    while True:
        n, digit = divmod(n, 128)
        out.append(digit | (0x80 if n else 0))
        if not n:
            return bytes(out)


def mqtt_text(text):
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def mqtt_packet(first, body):
    return bytes([first]) + mqtt_length(len(body)) + body


def mqtt_connect(version, client_id, name, password, keep_alive_s=0):
    """Clean start, name and password."""
    properties = b"\0" if version == 5 else b""
    flags = 0x80 | 0x40 | 0x02
    body = mqtt_text("MQTT") + bytes([version, flags]) + struct.pack(">H", keep_alive_s) + properties
    return mqtt_packet(0x10, body + mqtt_text(client_id) + mqtt_text(name) + mqtt_text(password))


def mqtt_publish(version, topic, packet_id, qos, payload, again=False):
    properties = b"\0" if version == 5 else b""
    body = mqtt_text(topic) + struct.pack(">H", packet_id) + properties + payload
    return mqtt_packet(0x30 | (0x08 if again else 0) | qos << 1, body)


def mqtt_pubrel(packet_id):
    return mqtt_packet(PUBREL, struct.pack(">H", packet_id))


def mqtt_take(buffer):
    """Takes one packet off the front of a bytearray: (first byte, body); None until it is whole."""
    length = shift = 0
    for at in range(1, 5):
        if len(buffer) <= at:
            return None
        length |= (buffer[at] & 0x7F) << shift
        shift += 7
        if not buffer[at] & 0x80:
            break
    else:
        raise WireError("a length of more than four bytes")
    if len(buffer) < at + 1 + length:
        return None
    first, body = buffer[0], bytes(buffer[at + 1 : at + 1 + length])
    del buffer[: at + 1 + length]
    return first, body


def mqtt_answer(body):
    """Packet id and reason code of PUBACK, PUBREC, PUBCOMP: short forms mean success."""
    return struct.unpack(">H", body[:2])[0], body[2] if len(body) > 2 else 0


def mqtt_receive_maximum(connack):
    """What a CONNACK of MQTT 5 allows to be in flight."""
    at, end = 3, 3 + connack[2]  # a properties length of one byte: below 128
    sizes = {0x11: 4, 0x21: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x22: 2, 0x28: 1, 0x29: 1, 0x2A: 1, 0x13: 2}
    while at < end:
        kind = connack[at]
        if kind == 0x21:
            return struct.unpack(">H", connack[at + 1 : at + 3])[0]
        if kind in sizes:
            at += 1 + sizes[kind]
        else:  # texts
            at += 3 + struct.unpack(">H", connack[at + 1 : at + 3])[0]
    return 65535
