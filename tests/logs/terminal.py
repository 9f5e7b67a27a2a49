"""Runs the dashboard in a pseudo-terminal: resizes it, and ends it in four ways."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

import pyte

PROGRAM = sys.argv[1]


class Run:
    """The program on a terminal, and what this shows."""

    def __init__(self, mode):
        self.screen = pyte.Screen(100, 30)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self.controller, self.terminal = pty.openpty()
        self.resize(100, 30)
        self.before = termios.tcgetattr(self.terminal)
        self.child = os.fork()
        if self.child == 0:
            os.close(self.controller)
            os.login_tty(self.terminal) if hasattr(os, "login_tty") else self.take_terminal()
            os.environ["COTANGENT_DASHBOARD"] = mode
            arguments = ["--ignored", "--exact", "dashboard_child", "--nocapture"]
            os.execv(PROGRAM, [PROGRAM, *arguments])

    def take_terminal(self):
        os.setsid()
        fcntl.ioctl(self.terminal, termios.TIOCSCTTY, 0)
        for descriptor in range(3):
            os.dup2(self.terminal, descriptor)

    def resize(self, columns, lines):
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self.controller, termios.TIOCSWINSZ, size)
        self.screen.resize(lines, columns)

    def read(self, seconds):
        """Shows what the program writes in this time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.controller], [], [], left)[0]:
                try:
                    written = os.read(self.controller, 1 << 16)
                except OSError:
                    return
                self.bytes += written
                self.stream.feed(written)

    def wait_for(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in self.text():
            assert time.monotonic() < end, f"`{text}` is missing:\n{self.text()}"
            self.read(0.05)

    def text(self):
        return "\n".join(self.screen.display)

    def end(self):
        """Waits for the end of the program, and checks that the terminal is as before."""
        end = time.monotonic() + 30
        while True:
            self.read(0.05)
            child, status = os.waitpid(self.child, os.WNOHANG)
            if child:
                break
            assert time.monotonic() < end, f"the program does not end:\n{self.text()}"
        self.read(0.2)
        # Each as often as the other, and in this order.
        for on, off in [(b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h")]:
            assert self.bytes.rfind(on) < self.bytes.rfind(off), (on, self.bytes[-300:])
        assert self.bytes.count(b"\x1b[?1049h") == self.bytes.count(b"\x1b[?1049l") == 1
        assert termios.tcgetattr(self.terminal) == self.before, "the terminal's mode has changed"
        return status, self.bytes[self.bytes.rfind(b"\x1b[?1049l"):].decode()


run = Run("end")
run.wait_for("loss by step")
run.wait_for("epoch 2/4")
for columns, lines in [(60, 20), (140, 40), (10, 3), (100, 30)]:
    run.resize(columns, lines)
    run.read(0.5)
    shown = run.screen.display
    assert shown[0].startswith("epoch "[:columns]), (columns, lines, run.text())
    if columns >= 60:
        assert "Ctrl-C ends" in shown[-1], run.text()
        assert run.text().count("loss by step") == 1, run.text()
        assert "this epoch" in run.text(), run.text()
status, after = run.end()
assert status == 0 and "completed after 4 epochs" in after and "ended: Some(Completed)" in after
print("resized four times, completed: the table is on the terminal")

run = Run("panic")
status, after = run.end()
assert status != 0 and "a planted panic" in after, after
print("panicked: the message is on the terminal")

run = Run("end")
run.wait_for("step 5")
os.write(run.controller, b"\x03")
status, after = run.end()
assert status == 0 and "ended: Some(Interrupted)" in after, after
print("Ctrl-C: the run ended after its step")

for name in ["SIGINT", "SIGTERM", "SIGHUP"]:
    run = Run("end")
    run.wait_for("step 5")
    os.kill(run.child, getattr(signal, name))
    status, after = run.end()
    assert status == 0 and "ended: Some(Interrupted)" in after, after
    print(f"{name}: the run ended after its step")

run = Run("end")
run.wait_for("step 5")
os.write(run.controller, b"\x03\x03")
status, after = run.end()
assert os.waitstatus_to_exitcode(status) in (0, 130), status
print("Ctrl-C twice: the terminal is whole")
