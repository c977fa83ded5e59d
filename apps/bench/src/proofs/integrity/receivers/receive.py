"""A receiver with websocket-client: prints a checkpoint per line, JSON, and pauses as it likes."""

import hashlib
import json
import random
import sys
import time

CHECKPOINT = 1000
MARK_DIGITS = 8
TEXT, BINARY, CLOSE = 1, 2, 8

LEAST_BYTES, MOST_BYTES = 16_384, 8_388_608
SHORT_S, LONG_S, LONG_SHARE = 0.04, 1.5, 0.05


class HashChain:
    """The same as that of hash-chain.ts."""

    def __init__(self):
        self.hash = bytes(32)
        self.messages = 0
        self.marks = ""

    def add(self, opcode, payload):
        head = bytes([opcode]) + len(payload).to_bytes(8, "big")
        digest = hashlib.sha256(head + payload).digest()
        self.hash = hashlib.sha256(self.hash + digest).digest()
        self.marks += digest.hex()[:MARK_DIGITS]
        self.messages += 1
        return self.checkpoint() if self.messages % CHECKPOINT == 0 else None

    def checkpoint(self):
        marks, self.marks = self.marks, ""
        return {"messages": self.messages, "hash": self.hash.hex(), "marks": marks}


def tell(line):
    print(json.dumps(line), flush=True)


def run():
    return LEAST_BYTES * (MOST_BYTES / LEAST_BYTES) ** random.random()


def receive(port, seed):
    try:
        import websocket
    except ImportError as error:
        return tell({"missing": str(error)})
    python = "python " + ".".join(map(str, sys.version_info[:3]))
    tell({"name": f"{python} with websocket-client {websocket.__version__}"})
    random.seed(seed)
    # It checks text in Python itself, which takes minutes; to decode it is as strict.
    socket = websocket.create_connection(f"ws://127.0.0.1:{port}", skip_utf8_validation=True)
    chain = HashChain()
    left = run()
    while True:
        opcode, payload = socket.recv_data()
        if opcode == CLOSE:
            break
        if opcode == TEXT:
            payload = payload.decode("utf-8").encode("utf-8")
        checkpoint = chain.add(opcode, payload)
        if checkpoint:
            tell(checkpoint)
        left -= len(payload)
        if left <= 0:
            left = run()
            time.sleep(random.random() * (LONG_S if random.random() < LONG_SHARE else SHORT_S))
    tell(chain.checkpoint())
    tell({"code": int.from_bytes(payload[:2], "big")})


if __name__ == "__main__":
    receive(int(sys.argv[1]), int(sys.argv[2]))
