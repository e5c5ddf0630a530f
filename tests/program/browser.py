"""A headless Chromium, driven by its DevTools protocol over a WebSocket (RFC 6455)."""

import base64
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def find_browser():
    """The path of a Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class WebSocket:
    """One connection to a server that we trust: text frames only."""

    def __init__(self, address):
        host, path = address.removeprefix("ws://").split("/", 1)
        name, port = host.split(":")
        self.socket = socket.create_connection((name, int(port)), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                            "Sec-WebSocket-Version: 13\r\n\r\n".encode())
        self.stream = self.socket.makefile("rb")
        status = self.stream.readline()
        if b" 101 " not in status:
            raise ConnectionError(f"no WebSocket: {status!r}")
        while self.stream.readline().strip():
            pass

    def send(self, text):
        body, mask = text.encode(), os.urandom(4)
        size = len(body)
        head = struct.pack("!BB", 0x81, 0x80 | (size if size < 126 else 126 if size < 65536 else 127))
        if size >= 126:
            head += struct.pack("!H" if size < 65536 else "!Q", size)
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(body)))

    def receive(self):
        text = b""
        while True:
            first, second = self.stream.read(2)
            size = second & 0x7F
            if size >= 126:
                size = struct.unpack("!H" if size == 126 else "!Q",
                                     self.stream.read(2 if size == 126 else 8))[0]
            body = self.stream.read(size)
            if first & 0x0F in (0, 1):
                text += body
                if first & 0x80:
                    return text.decode()

    def close(self):
        self.stream.close()
        self.socket.close()


class Browser:
    """A page in a browser of its own; what the console says and what is fetched is kept."""

    def __init__(self, width=1280, height=900, dark=False):
        self.profile = tempfile.mkdtemp(prefix="nearfar-browser-")
        self.process = subprocess.Popen(
            [find_browser(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--remote-debugging-port=0", f"--user-data-dir={self.profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.console, self.requests, self.count = [], [], 0
        port = self.wait_for(self.port)
        pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=60))
        self.socket = WebSocket(next(p["webSocketDebuggerUrl"] for p in pages
                                     if p["type"] == "page"))
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height, dark)

    def port(self):
        path = pathlib.Path(self.profile, "DevToolsActivePort")
        lines = path.read_text().split() if path.exists() else []
        return lines[0] if len(lines) > 1 else None

    @staticmethod
    def wait_for(what, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            time.sleep(0.05)
        raise TimeoutError(f"waited {seconds} s for {what}")

    def call(self, method, **parameters):
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.receive())
            self.note(message)
            if message.get("id") == self.count:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def note(self, message):
        kind, said = message.get("method", ""), message.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.console.append(said["exceptionDetails"].get("exception", said))
        elif kind == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning"):
            self.console.append(said["args"])
        elif kind == "Log.entryAdded":
            self.console.append(said["entry"])
        elif kind == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])

    def resize(self, width, height, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, path):
        self.call("Page.navigate", url=pathlib.Path(path).resolve().as_uri())
        self.wait_for(lambda: self.value("document.readyState") == "complete")

    def value(self, script):
        """What a script evaluates to."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def move_to(self, x, y):
        """The pointer, in pixels of the window."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path, whole=False):
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole,
                            **({"clip": {**self.call("Page.getLayoutMetrics")["cssContentSize"],
                                         "scale": 1}} if whole else {}))
        pathlib.Path(path).write_bytes(base64.b64decode(picture["data"]))

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.profile, ignore_errors=True)
