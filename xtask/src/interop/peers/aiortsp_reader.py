"""Writes the H.264 that aiortsp receives as Annex B: `TRANSPORT URL FRAMES FILE`."""

import asyncio
import base64
import sys

from aiortsp.rtsp.reader import RTSPReader

from h264_units import START, Assembler


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
                for unit in assembler.units(packet.seq, packet.data):
                    out.write(START + unit)
                left -= packet.m
                if left <= 0:
                    break
    if left > 0:
        sys.exit("the stream ended %d frames early" % left)


asyncio.run(main())
