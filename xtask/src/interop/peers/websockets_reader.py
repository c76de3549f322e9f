"""Writes the H.264 that comes over WebSocket as Annex B: `URL FRAMES FILE`."""

import base64
import re
import sys

from websockets.sync.client import connect

from h264_units import START, Assembler

SECONDS = 8


class Rtsp:
    """A connection: what the frames of WebSocket carry is a stream of octets."""

    def __init__(self, socket):
        self.socket = socket
        self.buffer = b""
        self.session = None
        self.cseq = 0

    def octets(self, count):
        while len(self.buffer) < count:
            self.buffer += self.socket.recv(timeout=SECONDS)
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def packet(self):
        """The next interleaved frame: its channel and what it carries. Answers are passed over."""
        while True:
            first = self.octets(1)
            if first != b"$":
                self.buffer = first + self.buffer
                self.answer()
                continue
            head = self.octets(3)
            return head[0], self.octets(int.from_bytes(head[1:], "big"))

    def answer(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.octets(1)
        head = head.decode()
        length = re.search(r"(?im)^content-length: *(\d+)", head)
        body = self.octets(int(length[1])) if length else b""
        if " 200 " not in head.splitlines()[0]:
            sys.exit(head)
        session = re.search(r"(?im)^session: *([^;\s]+)", head)
        self.session = session[1] if session else self.session
        return head, body.decode()

    def ask(self, method, uri, *headers):
        self.cseq += 1
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {self.cseq}", *headers]
        if self.session:
            lines.append(f"Session: {self.session}")
        self.socket.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.answer()


def main():
    url, frames, file = sys.argv[1:]
    place = url.replace("rtsp", "ws", 1)
    with connect(place, subprotocols=["rtsp.onvif.org"]) as socket, open(file, "wb") as out:
        if socket.subprotocol != "rtsp.onvif.org":
            sys.exit("the subprotocol is %s" % socket.subprotocol)
        if not socket.ping().wait(SECONDS):
            sys.exit("a ping is not answered")
        rtsp = Rtsp(socket)
        _, sdp = rtsp.ask("DESCRIBE", url, "Accept: application/sdp")
        video = sdp[sdp.index("m=video") :].split("\nm=")[0]
        control = re.search(r"(?m)^a=control:(\S+)", video)[1]
        control = control if "://" in control else f"{url.rstrip('/')}/{control}"
        sets = re.search(r"sprop-parameter-sets=([^;\s]+)", video)
        for unit in sets[1].split(",") if sets else ():
            out.write(START + base64.b64decode(unit))
        rtsp.ask("SETUP", control, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        rtsp.ask("PLAY", url, "Range: npt=0-")
        assembler = Assembler()
        left = int(frames)
        while left > 0:
            channel, packet = rtsp.packet()
            if channel == 0:
                sequence = int.from_bytes(packet[2:4], "big")
                for unit in assembler.units(sequence, packet[12:]):
                    out.write(START + unit)
                left -= packet[1] >> 7


main()
