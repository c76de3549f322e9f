"""Writes the H.264 that aiortsp receives as Annex B: `TRANSPORT URL FRAMES FILE`."""

import asyncio
import base64
import sys

from aiortsp.rtsp.reader import RTSPReader

START = b"\0\0\0\1"


class Assembler:
    """RFC 6184: single NAL units, STAP-A and FU-A. A gap in the sequence numbers ends the program."""

    def __init__(self):
        self.sequence = None
        self.fragment = None

    def units(self, packet):
        if self.sequence is not None and packet.seq != (self.sequence + 1) & 0xFFFF:
            sys.exit("sequence number %d follows %d" % (packet.seq, self.sequence))
        self.sequence = packet.seq
        payload = packet.data
        kind = payload[0] & 31
        if kind < 24:
            yield payload
        elif kind == 24:
            at = 1
            while at + 2 < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                yield payload[at + 2 : at + 2 + size]
                at += 2 + size
        elif kind == 28:
            if payload[1] & 0x80:
                self.fragment = bytearray([payload[0] & 0xE0 | payload[1] & 31])
            if self.fragment is None:
                sys.exit("the first fragment is not the start of one")
            self.fragment += payload[2:]
            if payload[1] & 0x40:
                yield bytes(self.fragment)
        else:
            sys.exit("NAL unit type %d" % kind)


async def main():
    transport, url, frames, file = sys.argv[1:]
    scheme = "rtspt" if transport == "tcp" else "rtsp"
    left = int(frames)
    assembler = Assembler()
    with open(file, "wb") as out:
        async with RTSPReader(url.replace("rtsp", scheme, 1), timeout=8) as reader:
            async for packet in reader.iter_packets():
                if left == int(frames) and assembler.sequence is None:
                    format = reader.session.sdp["medias"][0]["attributes"]["fmtp"]
                    sprops = format.get("sprop-parameter-sets")
                    for unit in sprops.split(",") if sprops else ():
                        out.write(START + base64.b64decode(unit))
                for unit in assembler.units(packet):
                    out.write(START + unit)
                left -= packet.m
                if left <= 0:
                    break
    if left > 0:
        sys.exit("the stream ended %d frames early" % left)


asyncio.run(main())
