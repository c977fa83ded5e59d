"""A viewer with a library of Python: prints what it shows, a JSON object per line."""

import asyncio
import json
import sys
import time

# The same as those of reporter.ts and clients/protocol.ts.
MIN_TOLD_MS = 20
STAMP_BYTES = 16


class Reporter:
    """The same as that of reporter.ts."""

    def __init__(self):
        self.bytes = 0
        self.told_at_ms = 0

    def show(self, picture):
        self.bytes += len(picture)
        at_ms = time.time() * 1000
        if at_ms - self.told_at_ms < MIN_TOLD_MS:
            return
        self.told_at_ms = at_ms
        made_at_ms = int(picture[:STAMP_BYTES]) / 1000
        tell({"showing": {"atMs": at_ms, "madeAtMs": made_at_ms, "bytes": self.bytes}})


def tell(line):
    print(json.dumps(line), flush=True)


def tell_name(library):
    python = ".".join(map(str, sys.version_info[:3]))
    tell({"name": f"{library} on python {python}"})


def view_websocket_client(url):
    import websocket

    tell_name(f"websocket-client {websocket.__version__}")
    reporter = Reporter()
    socket = websocket.create_connection(url)
    while True:
        reporter.show(socket.recv())


def view_websockets(url):
    import websockets

    tell_name(f"websockets {websockets.__version__}")

    async def view():
        reporter = Reporter()
        async with websockets.connect(url) as socket:
            async for picture in socket:
                reporter.show(picture)

    asyncio.run(view())


if __name__ == "__main__":
    view_with = {"websocket-client": view_websocket_client, "websockets": view_websockets}
    try:
        view_with[sys.argv[1]](sys.argv[2])
    except ImportError as error:
        tell({"missing": str(error)})
