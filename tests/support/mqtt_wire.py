"""A raw MQTT client in Python: packets of 3.1.1 and 5 written from the standard, not from the server's code.

    device = Device(port, "dev-1", user="dev", password=token)     # version=5 by default
    device.connect()                                               # reads CONNACK and checks it
    device.publish("city/S1/up/cod", b"1", qos=1, packet_id=7)
    assert device.take() == (PUBACK, bytes([0, 7]))

A packet that was read is (type, flags, body); `take` leaves the flags out. Nothing is answered by itself, so that tests
say each byte. Standard library only.
"""

import socket
import ssl

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = range(1, 15)
DEADLINE_S = 60  # a deadline, not a measure


def varint(n):
    out = bytearray()
    while True:
        out.append(n & 0x7F | (0x80 if n > 0x7F else 0))
        n >>= 7
        if n == 0:
            return bytes(out)


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return len(raw).to_bytes(2, "big") + raw


def packet(kind, body=b"", flags=0):
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def connect(client_id, user=None, password=None, version=5, keep_alive=60, clean=True, will=None):
    flags = clean << 1 | (user is not None) << 7 | (password is not None) << 6 | (0x04 if will else 0)
    body = text("MQTT") + bytes([version, flags]) + keep_alive.to_bytes(2, "big")
    body += varint(0) if version == 5 else b""
    body += text(client_id)
    if will:
        body += (varint(0) if version == 5 else b"") + text(will[0]) + text(will[1])
    body += text(user) if user is not None else b""
    body += text(password) if password is not None else b""
    return packet(CONNECT, body)


def publish(topic, payload, qos=0, packet_id=0, dup=False, retain=False, version=5, properties=b""):
    body = text(topic) + (packet_id.to_bytes(2, "big") if qos else b"")
    body += varint(len(properties)) + properties if version == 5 else b""
    return packet(PUBLISH, body + payload, dup << 3 | qos << 1 | retain)


class Device:
    def __init__(self, port, client_id="device", user=None, password=None, version=5, ca=None):
        self.client_id, self.user, self.password, self.version = client_id, user, password, version
        self.buffer = b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        if ca:
            self.socket = ssl.create_default_context(cafile=ca).wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, raw):
        self.socket.sendall(raw)

    def read(self):
        """The next packet as (type, flags, body); None when the peer has closed."""
        while True:
            whole = self.cut()
            if whole:
                return whole
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.buffer += more

    def cut(self):
        length, at = 0, 1
        while at < len(self.buffer):
            byte = self.buffer[at]
            length |= (byte & 0x7F) << 7 * (at - 1)
            at += 1
            if not byte & 0x80:
                if len(self.buffer) < at + length:
                    return None
                head, body = self.buffer[0], self.buffer[at : at + length]
                self.buffer = self.buffer[at + length :]
                return head >> 4, head & 0xF, body
        return None

    def take(self):
        got = self.read()
        return got and (got[0], got[2])

    def is_closed(self):
        """Reads on to the end; what still came is thrown away."""
        while self.read():
            pass
        return True

    def connect(self, **how):
        self.send(connect(self.client_id, self.user, self.password, self.version, **how))
        kind, body = self.take()
        assert kind == CONNACK and body[1] == 0, (kind, body.hex())
        return body

    def publish(self, topic, payload, **how):
        self.send(publish(topic, payload, version=self.version, **how))

    def release(self, packet_id):
        self.send(packet(PUBREL, packet_id.to_bytes(2, "big"), 2))

    def ping(self):
        self.send(packet(PINGREQ))
