"""H.264 in RTP, put together as Annex B."""

import sys

START = b"\0\0\0\1"


class Assembler:
    """RFC 6184: single NAL units, STAP-A and FU-A. A gap in the sequence numbers ends the program."""

    def __init__(self):
        self.sequence = None
        self.fragment = None

    def units(self, sequence, payload):
        if self.sequence is not None and sequence != (self.sequence + 1) & 0xFFFF:
            sys.exit("sequence number %d follows %d" % (sequence, self.sequence))
        self.sequence = sequence
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
