"""OpenSSH's server on loopback, with keys and a configuration of its own in one folder."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

SERVER = shutil.which("sshd") or "/usr/sbin/sshd"
# Root's server keeps nothing in it, and wants it all the same.
EMPTY = Path("/run/sshd")
WAIT_SECONDS = 20


def missing() -> str:
    """What this machine lacks of a server, with the way to it; "" where nothing is."""
    lacking = [name for name, path in (("openssh-server", SERVER), ("openssh-client", "ssh"), ("rsync", "rsync")) if not shutil.which(path)]
    if lacking:
        return f"no {' and no '.join(lacking)}; apt-get install {' '.join(lacking)}"
    if os.getuid() == 0 and not EMPTY.is_dir():
        return f"sshd of root wants the folder {EMPTY}; mkdir {EMPTY}"
    return ""


class Server:
    """Lets in this user with one key. Sessions have `environment`, whose HOME takes the place of the user's own."""

    def __init__(self, folder: Path, port: int, environment: Mapping[str, str]) -> None:
        self.folder, self.port, self.user = folder, port, getpass.getuser()
        self.key, self.log = folder / "key", folder / "sshd.log"
        folder.mkdir()
        for key in (self.key, folder / "host_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        shutil.copy(folder / "key.pub", folder / "authorized_keys")
        (folder / "sshd_config").write_text(self.configuration(environment))

    def configuration(self, environment: Mapping[str, str]) -> str:
        settings = {
            "ListenAddress": f"127.0.0.1:{self.port}",
            "HostKey": self.folder / "host_key",
            "AuthorizedKeysFile": self.folder / "authorized_keys",
            "PidFile": "none",
            # The folders above are pytest's, which others may write to.
            "StrictModes": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "AllowUsers": self.user,
            "UsePAM": "no",
            "PermitUserRC": "no",
            "PrintMotd": "no",
            "SetEnv": " ".join(f'{name}="{value}"' for name, value in environment.items()),
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def start(self) -> None:
        """Returns when it listens. Raises AssertionError with its log where it does not."""
        command = [SERVER, "-D", "-f", str(self.folder / "sshd_config"), "-E", str(self.log)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """Its sessions end when what runs in them has."""
        self.process.terminate()
        self.process.wait(timeout=WAIT_SECONDS)
