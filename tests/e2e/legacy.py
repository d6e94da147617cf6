"""Peers that behave on the wire as the existing Python node and broker do, written from their observed facts."""
import json
import queue
import select
import socket
import threading
import time

READ_SIZE = 4096  # what both of them read at once; a longer message is lost there


def line(message):
    return json.dumps(message).encode() + b"\n"


class Stream:
    """One TCP connection whose incoming lines are split as the existing programs split them."""

    def __init__(self, sock):
        self.sock, self.lines, self.reads = sock, queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while True:
                data = self.sock.recv(READ_SIZE)
                if not data:
                    break
                self.reads.append(data)
                for text in data.split(b"\n"):
                    if text.strip():
                        self.lines.put(text)
        except OSError:
            pass
        self.lines.put(None)

    def send(self, message):
        self.sock.sendall(line(message))

    def send_bytes(self, data):
        self.sock.sendall(data)

    def next(self, seconds=10):
        """The next message; None at the end of the stream. A half line is an error, as it is there."""
        text = self.lines.get(timeout=seconds)
        return None if text is None else json.loads(text)

    def expect(self, kind, seconds=10):
        """The next message of that type; other types before it are an error."""
        message = self.next(seconds)
        assert message is not None and message["type"] == kind, (kind, message)
        return message

    def quiet(self, seconds):
        """True where nothing comes for so long."""
        time.sleep(seconds)
        return self.lines.empty()

    def close(self):
        # Wake the reader first: closing a socket that another thread reads leaves the peer without an end.
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class WholeStream(Stream):
    """One whose lines may come in several reads, as between programs of ours. A node's pings are answered."""

    def _read(self):
        try:
            for text in self.sock.makefile("rb"):
                if json.loads(text)["type"] == "CLIENT PING":
                    self.send({"type": "SERVER PONG"})
                else:
                    self.lines.put(text)
        except OSError:
            pass
        self.lines.put(None)


def connect(port):
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.settimeout(None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Stream(sock)


def legacy_node(port, name, models=()):
    """Registers as the existing node: CONNECT and NODE INFO in one burst; the first answer is the bare ACK."""
    stream = connect(port)
    stream.send_bytes(line({"type": "CLIENT CONNECT", "name": name})
                      + line({"type": "NODE INFO", "name": name, "models": list(models)}))
    assert stream.next() == {"type": "SERVER ACK"}
    assert stream.reads[0] == b'{"type": "SERVER ACK"}\n'
    return stream


def disconnect(port, name):
    """As the existing node: on a fresh connection, without a newline; waits for the answer."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.sendall(json.dumps({"type": "CLIENT DISCONNECT", "name": name}).encode())
    answer = json.loads(sock.recv(READ_SIZE))
    sock.close()
    return answer


class LegacyBroker:
    """Listens as the existing broker: one thread a node, answers the messages it knows."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]

    def accept(self, seconds=15, kind=Stream):
        ready, _, _ = select.select([self.server], [], [], seconds)
        assert ready, "no node connected"
        sock, _ = self.server.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return kind(sock)

    def register(self, seconds=15):
        """Accepts a node, answers its CONNECT, returns (stream, CONNECT, NODE INFO)."""
        stream = self.accept(seconds)
        hello = stream.expect("CLIENT CONNECT")
        stream.send({"type": "SERVER ACK"})
        return stream, hello, stream.expect("NODE INFO")

    def close(self):
        self.server.close()
