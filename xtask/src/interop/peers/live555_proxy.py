"""live555's proxy server: `PORT UPSTREAM-URL`, at /proxy."""

import sys
import time

from liblivemedia import ProxyServer

port, upstream = sys.argv[1:]
server = ProxyServer("127.0.0.1", int(port))
server.addURI(upstream, "proxy", "", "")
server.start()
while True:
    time.sleep(60)
