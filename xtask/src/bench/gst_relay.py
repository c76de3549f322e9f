"""gst-rtsp-server on a port of 127.0.0.1, at /live/load: `PORT UPSTREAM-URL`, which it pulls once for all readers."""

import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

RELAY = """( rtspsrc location={} protocols=tcp latency=0 ! rtph264depay
    ! rtph264pay name=pay0 pt=96 mtu=1200 config-interval=0 aggregate-mode=none )"""

port, upstream = sys.argv[1:]
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
server.set_backlog(1024)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(RELAY.format(upstream))
factory.set_shared(True)
server.get_mount_points().add_factory("/live/load", factory)
server.attach(None)
loop = GLib.MainLoop()
GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, loop.quit)
loop.run()
