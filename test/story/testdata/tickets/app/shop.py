"""A small HTTP server that says who answered. SIGTERM lets requests in progress end."""
import http.server
import json
import signal
import sys
import threading

with open(sys.argv[1]) as f:
    config = json.load(f)


class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps(config).encode()
        self.send_response(200 if self.path in ("/", "/up") else 404)
        self.send_header("X-Shop", config["instance"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("", 9000), Shop)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
