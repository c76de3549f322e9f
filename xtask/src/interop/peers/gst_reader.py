"""GStreamer's rtspsrc: `URL PROTOCOLS VERSION PIPELINE [AUTHORITY.pem]`, until it is interrupted or the stream ends.

The pipeline's elements named `video` and `audio` get the media of their kinds. gst-launch-1.0 would link them, too, but
not always: it links by the form of the pad, for each new pad all that is still open, and where two pads come at once
each may take the other's link away."""

import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gio, GLib, Gst  # noqa: E402

END_SECONDS = 5


def link(pipeline, pad):
    form = pad.get_current_caps() or pad.query_caps(None)
    kind = form.get_structure(0).get_string("media")
    entry = pipeline.get_by_name(kind)
    result = pad.link(entry.get_static_pad("sink")) if entry else "no place for it"
    print(kind, pad.get_name(), result, flush=True)


def end(pipeline, loop):
    """Lets the files be finished: what never began has nothing to finish."""
    for kind in ("video", "audio"):
        entry = pipeline.get_by_name(kind)
        if entry and not entry.get_static_pad("sink").is_linked():
            entry.get_static_pad("sink").send_event(Gst.Event.new_eos())
    pipeline.send_event(Gst.Event.new_eos())
    GLib.timeout_add_seconds(END_SECONDS, loop.quit)
    return GLib.SOURCE_REMOVE


def told(_bus, message, loop):
    if message.type == Gst.MessageType.ERROR:
        print(*message.parse_error(), flush=True)
    if message.type in (Gst.MessageType.ERROR, Gst.MessageType.EOS):
        loop.quit()


def main():
    url, protocols, version, chains = sys.argv[1:5]
    Gst.init(None)
    pipeline = Gst.parse_launch(
        f"rtspsrc name=s location={url} protocols={protocols} default-rtsp-version={version} latency=500 {chains}"
    )
    if sys.argv[5:]:
        authorities = Gio.TlsFileDatabase.new(sys.argv[5])
        pipeline.get_by_name("s").set_property("tls-database", authorities)
    if protocols == "udp-mcast":
        # Nothing leaves the machine.
        pipeline.get_by_name("s").set_property("multicast-iface", "lo")
    loop = GLib.MainLoop()
    pipeline.get_by_name("s").connect("pad-added", lambda _, pad: link(pipeline, pad))
    pipeline.get_bus().add_signal_watch()
    pipeline.get_bus().connect("message", told, loop)
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, end, pipeline, loop)
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    # The files are whole; rtspsrc now and then never stops.
    signal.alarm(END_SECONDS // 2)
    pipeline.set_state(Gst.State.NULL)


main()
