"""Writes what PyAV demuxes as FFmpeg's framemd5: `TRANSPORT URL SECONDS VIDEO-FILTER AUDIO-FILTER FOLDER`."""

import hashlib
import os
import sys

import av
from av.bitstream import BitStreamFilterContext

transport, url, seconds, video_filter, audio_filter, folder = sys.argv[1:]
source = av.open(url, options={"rtsp_transport": transport}, timeout=8)
tracks = {}
for kind, stream, name in (
    ("v", source.streams.video[0], video_filter),
    ("a", source.streams.audio[0], audio_filter),
):
    out = open(os.path.join(folder, "fingerprint." + kind), "w")
    out.write("#tb 0: %d/%d\n" % (stream.time_base.numerator, stream.time_base.denominator))
    tracks[stream.index] = (out, BitStreamFilterContext(name, stream))

begin = None
for packet in source.demux():
    if not packet.size:
        continue
    out, chain = tracks[packet.stream_index]
    if packet.pts is not None:
        now = float(packet.pts * packet.time_base)
        begin = now if begin is None else begin
        if now - begin > int(seconds):
            break
    for unit in chain.filter(packet):
        octets = bytes(unit)
        time = -(2**63) if unit.pts is None else unit.pts
        out.write("0, 0, %d, 0, %d, %s\n" % (time, len(octets), hashlib.md5(octets).hexdigest()))
for out, _ in tracks.values():
    out.close()
