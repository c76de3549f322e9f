"""gst-rtsp-server on a port of 127.0.0.1: `play PORT CLIP.mp4` or `record PORT OUT.mkv`, at /clip; behind it
`savp` encrypts media, `tls CERTIFICATE.pem KEY.pem` all that is said."""

import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PLAY = """( filesrc location={} ! qtdemux name=d
    d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1
    d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )"""

RECORD = """( matroskamux name=m streamable=true ! filesink location={} async=false buffer-mode=unbuffered
    rtph264depay name=depay0 ! h264parse ! queue ! m.
    rtpmp4gdepay name=depay1 ! aacparse ! queue ! m. )"""


def seal(server, factory, files):
    """By TLS only. Who checks anybody has to be told that everybody may."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(*files))
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "anybody")
    auth.set_default_token(token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role("anybody")
    for what in ("access", "construct"):
        permissions.add_permission_for_role("anybody", f"media.factory.{what}", True)
    factory.set_permissions(permissions)


def main():
    task, port, file = sys.argv[1:4]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch((PLAY if task == "play" else RECORD).format(file))
    if sys.argv[4:] == ["savp"]:
        factory.set_profiles(GstRtsp.RTSPProfile.SAVP)
    if sys.argv[4:5] == ["tls"]:
        seal(server, factory, sys.argv[5:])
    if task == "play":
        factory.set_shared(True)
    else:
        factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
        factory.set_latency(500)
    server.get_mount_points().add_factory("/clip", factory)
    server.attach(None)
    loop = GLib.MainLoop()
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, loop.quit)
    loop.run()


main()
