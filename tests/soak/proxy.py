"""A TCP relay between nodes and their broker that can be told to cut, to stall and to lose what is in flight."""
import random
import select
import socket
import threading
import time


class Proxy:
    """Listens on a port of its own (`port`) and relays to `target` on this machine."""

    def __init__(self, target, seed=0):
        self.target, self.random = target, random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.lock, self.pairs = threading.Lock(), []
        self.bytes_left = None  # after so many bytes more everything is cut, in the middle of a message or not
        self.stalled_until = 0.0
        self.refusing, self.ended = False, False
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.ended:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.refusing:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                near.close()  # the broker is away
                continue
            with self.lock:
                self.pairs.append((near, far))
            threading.Thread(target=self._relay, args=(near, far), daemon=True).start()

    def _relay(self, near, far):
        try:
            while True:
                ready, _, _ = select.select([near, far], [], [], 1)
                while time.monotonic() < self.stalled_until:
                    time.sleep(0.05)
                for source in ready:
                    data = source.recv(65536)
                    if not data:
                        return
                    data = self._spend(data)
                    (far if source is near else near).sendall(data)
                    if self.bytes_left == 0:
                        self.bytes_left = None
                        self.cut()
                        return
        except (OSError, ValueError):
            return  # cut, or one end went
        finally:
            self._close((near, far))

    def _spend(self, data):
        if self.bytes_left is None:
            return data
        data = data[:self.bytes_left]
        self.bytes_left -= len(data)
        return data

    def _close(self, pair):
        with self.lock:
            if pair in self.pairs:
                self.pairs.remove(pair)
        for sock in pair:
            try:
                sock.shutdown(socket.SHUT_RDWR)  # the other thread's select wakes
            except OSError:
                pass
            sock.close()

    def cut(self):
        """Everything that is open, now; what was in flight is lost."""
        with self.lock:
            pairs = list(self.pairs)
        self.cuts += len(pairs)
        for pair in pairs:
            self._close(pair)

    def cut_after(self, count):
        self.bytes_left = count

    def stall(self, seconds):
        """Nothing passes for so long, and no end is told."""
        self.stalled_until = time.monotonic() + seconds

    def heal(self):
        self.stalled_until, self.bytes_left, self.refusing = 0.0, None, False

    def close(self):
        self.ended = True
        self.listener.close()
        self.cut()
