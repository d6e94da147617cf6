"""HTTP requests of many clients from one process, and how long each waited: asyncio over keep-alive connections, for
threads of Python would wait for each other and not for the broker."""
import asyncio
import json
import multiprocessing
import time

DEADLINE = 120


class Client:
    """One connection, one request at a time; it connects again where the server closed it."""

    def __init__(self, port, keep=True):
        self.port, self.keep, self.streams = port, keep, None

    async def request(self, method, path, body=b"", **headers):
        """(status, bytes)."""
        return await asyncio.wait_for(self._request(method, path, body, headers), DEADLINE)

    async def _request(self, method, path, body, headers):
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        head = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(body)}"]
        head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        head += [] if self.keep else ["Connection: close"]
        text = "\r\n".join(head).encode() + b"\r\n\r\n" + body
        fresh = self.streams is None
        try:
            return await self._exchange(text)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            if fresh:
                raise
        return await self._exchange(text)  # an idle connection may have been closed while this was sent

    async def _exchange(self, text):
        if not self.streams:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        reader, writer = self.streams
        writer.write(text)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        else:
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        if not self.keep or headers.get("connection", "").lower() == "close":
            self.close()
        return int(head[0].split()[1]), body

    def close(self):
        if self.streams:
            self.streams[1].close()
        self.streams = None


class Beside:
    """A coroutine function that runs in a process of its own, called with an event that is set when it is to end (and
    `arguments`); result() is what it returned."""

    def __init__(self, function, *arguments):
        self.ending = multiprocessing.Event()
        self.found, sender = multiprocessing.Pipe(False)
        self.process = multiprocessing.Process(target=self._run, args=(function, sender, arguments), daemon=True)
        self.process.start()

    def _run(self, function, sender, arguments):
        try:
            sender.send(asyncio.run(function(self.ending, *arguments)))
        except BaseException as error:  # noqa: B902: told to whoever asks for the result
            sender.send(error)

    def stop(self):
        self.ending.set()
        return self.result()

    def result(self, seconds=300):
        if not self.found.poll(seconds):
            self.process.kill()
            raise RuntimeError(f"no result after {seconds} s")
        found = self.found.recv()
        self.process.join()
        if isinstance(found, BaseException):
            raise found
        return found


async def sample(ending, port, method, path, every, body=b"", headers=None, statuses=(200,)):
    """Asks the same again and again, `every` so many seconds, and returns for how long each answer was waited, in ms. A
    request that is answered late delays the next, so what lies between is counted as having waited too."""
    client, waited = Client(port), []
    begin = time.monotonic()
    due = begin
    while not ending.is_set():
        await asyncio.sleep(max(0, due - time.monotonic()))
        start = time.monotonic()
        status, answer = await client.request(method, path, body, **(headers or {}))
        end = time.monotonic()
        if status not in statuses:
            raise RuntimeError(f"{method} {path}: {status} {answer[:200]}")
        waited.append(1000 * (end - start))
        due += every
        while due < end:
            waited.append(1000 * (end - due))
            due += every
    client.close()
    return waited


async def repeat(ending, port, clients, make, seconds):
    """`clients` connections, each of which asks again as soon as it is answered, until `seconds` have passed: (the
    statuses with how often each came, answers of 200 a second, ms that each of those waited). `make(k)` is (method,
    path, body, headers) of the k-th request."""
    counts, waited, made = {}, [], [0]
    begin = time.monotonic()

    async def one():
        client = Client(port)
        while time.monotonic() - begin < seconds and not ending.is_set():
            made[0] += 1
            start = time.monotonic()
            try:
                status, _ = await client.request(*make(made[0])[:3], **make(made[0])[3])
            except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, asyncio.TimeoutError) as error:
                client.close()
                status = type(error).__name__
            counts[status] = counts.get(status, 0) + 1
            if status == 200:
                waited.append(1000 * (time.monotonic() - start))
            else:
                await asyncio.sleep(0.2)
        client.close()

    await asyncio.gather(*(one() for _ in range(clients)))
    return counts, counts.get(200, 0) / (time.monotonic() - begin), waited
