"""aio-rtsp-toolkit's file server: `PORT FOLDER`."""

import asyncio
import sys

from aio_rtsp_toolkit import server

port, folder = sys.argv[1:]
asyncio.run(server.serve(folder, "127.0.0.1", int(port)))
