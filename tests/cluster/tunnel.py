"""`python tunnel.py PORT`: standard input and output to a port of loopback and back, which is what ssh's ProxyCommand is."""

import os
import socket
import sys
import threading

LENGTH = 1 << 16


def send(link: socket.socket) -> None:
    while piece := os.read(0, LENGTH):
        link.sendall(piece)
    link.shutdown(socket.SHUT_WR)


def main() -> None:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as link, open(1, "wb", buffering=0, closefd=False) as out:
        # The server may be the first to hang up, while nothing comes from the client any more.
        threading.Thread(target=send, args=(link,), daemon=True).start()
        while piece := link.recv(LENGTH):
            out.write(piece)


if __name__ == "__main__":
    main()
