"""Pages of other origins: a folder's worth of HTML from memory on a port of its own, and a name that is rebound: its
address serves the attacker's page first and is the broker from then on, as DNS rebinding has it."""
import http.server
import socket
import threading

FRAME = "<!DOCTYPE html><meta charset='utf-8'><title>a page</title><body>"


class OtherPage:
    """Serves `html` at each path of a free port of `host`; counts what it was asked."""

    def __init__(self, html=FRAME, host="127.0.0.1"):
        self.html, self.asked = html, []
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page.asked.append(self.path)
                body = page.html.encode() if self.path != "/favicon.ico" else b""
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((host, 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Rebound:
    """127.0.0.2:PORT, the broker's own port: until `rebind` the attacker's page, then every byte goes to the broker at
    127.0.0.1:PORT and back. To browser and broker that is what a name whose address has changed looks like."""

    def __init__(self, port, html=FRAME):
        self.port, self.html, self.rebound, self.relayed = port, html.encode(), False, 0
        self.listener = socket.create_server(("127.0.0.2", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def rebind(self):
        self.rebound = True

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        """Browsers open connections ahead: whose a connection is turns out with its first bytes."""
        with client:
            try:
                first = client.recv(65536)
                if self.rebound and first:
                    self._relay(client, first)
                elif first:
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
                                   b"Content-Length: %d\r\n\r\n%s" % (len(self.html), self.html))
            except OSError:
                pass  # the browser has left

    def _relay(self, client, first):
        broker = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        broker.sendall(first)
        self.relayed += 1

        def pump(source, sink):
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
            except OSError:
                pass
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

        threading.Thread(target=pump, args=(broker, client), daemon=True).start()
        with broker:
            pump(client, broker)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
