"""Devices that never give up: each sends the messages of ledger_input.py in order until each is acknowledged.

A client owns its things, one thread and one journal, a file into which each acknowledgement goes as it comes:
`ack INDEX MOMENT`, or `gave_up INDEX MOMENT` for a frame that no good server answers (its CRC is wrong). That
one is known to have arrived when a later frame of the same connection is answered: connections keep their order.
"""

import collections
import http.client
import os
import select
import socket
import struct
import time

import ledger_input
import ledger_wire

RETRY_S = 0.05  # before the next connection or request
REPEAT_S = 10  # an HJ 212 logger's OverTime
REPEATS = 2  # after that many it hangs up and calls again
SILENCE_S = 45  # an MQTT device may not repeat on the same connection; after that long it calls again
HTTP_PATIENCE_S = 120


class Client:
    """`port_of()`: where the server is now. `rate`: messages a second, None for as many as can be. `limit`: messages
    in all, None until `stopping` is set."""

    protocol = None

    def __init__(self, number, source, port_of, token, journal_path, rate=None, limit=None, window=8):
        self.number = number
        self.source = source
        self.port_of = port_of
        self.token = token
        self.rate = rate
        self.limit = limit
        self.window = window
        self.stopping = False
        self.leaving = False  # at once, whatever is not acknowledged
        self.taken = 0
        self.acknowledged = 0
        self.gave_up = 0
        self.sends = 0  # of messages, repeats too
        self.connections = 0
        self.errors = []
        self.waiting = 0  # messages that were sent and not yet acknowledged
        self.last_ack = 0.0
        self.next_at = 0.0
        self.ended_well = True  # the last message taken is one that gets an answer
        self.journal = os.open(journal_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self.journal_path = journal_path

    @property
    def name(self):
        return f"{self.protocol}{self.number}"

    def note(self, what, message):
        now = time.monotonic()
        os.write(self.journal, f"{what} {message.index} {now:.6f}\n".encode())
        if what == "ack":
            self.acknowledged += 1
            self.last_ack = now
        else:
            self.gave_up += 1

    def take(self):
        """The next message, or None: not now, or no more. Never ends on one that nobody answers."""
        if self.taken_all() or time.monotonic() < self.next_at:
            return None
        if self.rate:
            self.next_at = max(self.next_at + 1 / self.rate, time.monotonic() - 1)
        message = next(self.source)
        self.taken += 1
        self.ended_well = message.answered
        return message

    def taken_all(self):
        if self.leaving:
            return True
        if self.limit is not None:
            return self.taken >= self.limit
        return self.stopping and self.ended_well

    def idle_s(self):
        return min(0.02, max(0.0, self.next_at - time.monotonic()))

    def run(self):
        try:
            self.work()
        except Exception as e:  # pylint: disable=broad-except  # a thread's end must be seen by the test
            self.errors.append(f"{self.name}: {type(e).__name__}: {e}")
        finally:
            os.close(self.journal)

    def work(self):
        raise NotImplementedError


class HttpClient(Client):
    protocol = ledger_input.HTTP

    def work(self):
        while not self.taken_all():
            message = self.take()
            if message is None:
                time.sleep(self.idle_s())
                continue
            self.waiting = 1
            self.deliver(message)
            self.waiting = 0

    def deliver(self, message):
        while not self.leaving:
            self.sends += 1
            status, body = self.post(message.body)
            if 200 <= status < 300:
                self.note("ack", message)
                return
            if status not in (0, 429, 503):
                raise ledger_wire.WireError(f"answered {status}: {body[:300]!r}")
            time.sleep(RETRY_S)

    def post(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port_of(self.protocol), timeout=HTTP_PATIENCE_S)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/x-ndjson"}
        self.connections += 1
        try:
            connection.request("POST", f"/ingest/v1/{ledger_input.FEED_NAMES[self.protocol]}", body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        except TimeoutError as e:
            raise ledger_wire.WireError(f"no answer for {HTTP_PATIENCE_S} s") from e
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()


class StreamClient(Client):
    """Keeps one connection, with some messages in flight; calls again when it breaks, and repeats what was not acknowledged."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.pending = collections.OrderedDict()  # key → message, in the order of sending
        self.out = bytearray()
        self.incoming = bytearray()

    def work(self):
        while not self.is_done():
            try:
                self.connections += 1
                with socket.create_connection(("127.0.0.1", self.port_of(self.protocol)), timeout=10) as connection:
                    self.session(connection)
            except OSError:
                time.sleep(RETRY_S)

    def in_flight(self):
        return len(self.pending)

    def is_done(self):
        return self.leaving or self.taken_all() and not self.in_flight()

    def session(self, connection):
        self.out.clear()
        self.incoming.clear()
        self.greet(connection)
        connection.setblocking(False)
        for message in self.pending.values():
            self.write(message, again=True)
        self.heard_at = time.monotonic()
        while self.step(connection):
            pass

    def step(self, connection):
        if self.is_done():
            return False
        self.fill()
        readable, writable, _ = select.select([connection], [connection] if self.out else [], [], self.idle_s() or 0.02)
        if readable:
            data = connection.recv(65536)
            if not data:
                return False
            self.incoming += data
            self.hear()
        if writable:
            sent = connection.send(bytes(self.out[:65536]))
            del self.out[:sent]
        return self.be_patient()

    def fill(self):
        while self.in_flight() < self.window and len(self.out) < 1 << 18:
            message = self.take()
            if message is None:
                return
            self.pending[self.key_of(message)] = message
            self.write(message)
        self.waiting = len(self.pending)

    def settle(self, key):
        """An acknowledgement: for this one, and a word on those before it that nobody answers."""
        while True:
            first_key, first = next(iter(self.pending.items()))
            if first.answered:
                break
            del self.pending[first_key]
            self.note("gave_up", first)
        self.note("ack", self.pending.pop(key))
        self.waiting = len(self.pending)
        self.heard_at = time.monotonic()

    def greet(self, connection):
        pass

    def key_of(self, message):
        raise NotImplementedError

    def write(self, message, again=False):
        raise NotImplementedError

    def hear(self):
        raise NotImplementedError

    def be_patient(self):
        """False: hang up."""
        raise NotImplementedError


class Hj212Client(StreamClient):
    protocol = ledger_input.HJ212

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.spoiled = set()  # QNs that must never be answered
        self.repeats = 0

    def key_of(self, message):
        if not message.answered:
            self.spoiled.add(message.name)
        return message.name

    def write(self, message, again=False):
        times = 1 if message.answered else 2
        self.out += message.body * times
        self.sends += times

    def hear(self):
        while head := ledger_wire.hj212_take(self.incoming):
            if head.get("CN") != "9014":
                continue  # the host asks for something: this logger has nothing to say
            if head["QN"] in self.spoiled:
                raise ledger_wire.WireError(f"a frame with a wrong CRC was acknowledged: {head}")
            if head["QN"] in self.pending:  # else: the answer to a repeat
                self.settle(head["QN"])
                self.repeats = 0

    def be_patient(self):
        if not self.pending or time.monotonic() - self.heard_at < REPEAT_S or self.out:
            return True
        if self.repeats >= REPEATS:
            self.repeats = 0
            return False
        self.repeats += 1
        self.heard_at = time.monotonic()
        for message in self.pending.values():
            self.write(message, again=True)
        return True


class MqttClient(StreamClient):
    """Even numbers speak 3.1.1, odd ones 5; of each two one uses QoS 1 and one QoS 2. What has had its PUBREC is the
    server's; its PUBREL is sent until PUBCOMP comes."""

    protocol = ledger_input.MQTT

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.version = 5 if self.number % 2 else 4
        self.qos = 1 + self.number // 2 % 2
        self.ids = {}  # message's index → packet id
        self.last_id = 0
        self.releasing = collections.OrderedDict()  # packet ids between PUBREC and PUBCOMP
        self.completed = 0

    def greet(self, connection):
        connection.sendall(ledger_wire.mqtt_connect(self.version, f"ledger-{self.name}", "devices", self.token))
        while not (packet := ledger_wire.mqtt_take(self.incoming)):
            data = connection.recv(4096)
            if not data:
                raise ConnectionError("closed before CONNACK")
            self.incoming += data
        first, body = packet
        if first != ledger_wire.CONNACK:
            raise ledger_wire.WireError(f"{first:#x} for CONNACK")
        if body[1] in (3, 0x88, 0x89):  # not available yet: it is starting
            raise ConnectionError("the server is not available")
        if body[1] != 0:
            raise ledger_wire.WireError(f"CONNACK says {body[1]:#x}")
        if self.version == 5:
            self.window = min(self.window, ledger_wire.mqtt_receive_maximum(body))
        for packet_id in self.releasing:
            self.out += ledger_wire.mqtt_pubrel(packet_id)

    def key_of(self, message):
        while True:
            self.last_id = self.last_id % 65535 + 1
            if self.last_id not in self.pending and self.last_id not in self.releasing:
                break
        self.ids[message.index] = self.last_id
        return self.last_id

    def write(self, message, again=False):
        packet_id = self.ids[message.index]
        self.out += ledger_wire.mqtt_publish(self.version, message.name, packet_id, self.qos, message.body, again)
        self.sends += 1

    def hear(self):
        while packet := ledger_wire.mqtt_take(self.incoming):
            first, body = packet
            if first == ledger_wire.DISCONNECT:
                raise ConnectionError("the server said goodbye")
            packet_id, reason = ledger_wire.mqtt_answer(body)
            if first == ledger_wire.PUBCOMP:
                self.completed += self.releasing.pop(packet_id, 0)
                continue
            if first != (ledger_wire.PUBACK if self.qos == 1 else ledger_wire.PUBREC):
                raise ledger_wire.WireError(f"packet {first:#x} where none was due")
            if reason >= 0x80:
                raise ledger_wire.WireError(f"a good message was refused: {reason:#x}")
            if packet_id in self.pending:
                del self.ids[self.pending[packet_id].index]
                self.settle(packet_id)
            if self.qos == 2:
                self.releasing[packet_id] = 1
                self.out += ledger_wire.mqtt_pubrel(packet_id)

    def in_flight(self):
        return len(self.pending) + len(self.releasing)

    def be_patient(self):
        return not self.in_flight() or time.monotonic() - self.heard_at < SILENCE_S


KINDS = {kind.protocol: kind for kind in (HttpClient, Hj212Client, MqttClient)}
