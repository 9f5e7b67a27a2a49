"""Runs the dashboard and the bar in a pseudo-terminal of several widths, resizes it, and ends them
in several ways."""

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
WIDTHS = [20, 40, 80, 200]


class Run:
    """The program on a terminal, and what this shows."""

    def __init__(self, mode, columns=100):
        self.screen = pyte.Screen(columns, 30)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self.controller, self.terminal = pty.openpty()
        self.resize(columns, 30)
        self.before = termios.tcgetattr(self.terminal)
        self.child = os.fork()
        if self.child == 0:
            os.close(self.controller)
            os.login_tty(self.terminal) if hasattr(os, "login_tty") else self.take_terminal()
            os.environ |= {"COTANGENT_DASHBOARD": mode, "RUST_BACKTRACE": "0"}
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

    def wait_for(self, text):
        self.wait_until(text, lambda: text in self.text())

    def wait_until(self, name, condition):
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, f"`{name}` is missing:\n{self.text()}"
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
        assert termios.tcgetattr(self.terminal) == self.before, "the terminal's mode has changed"
        assert not self.screen.cursor.hidden, "the cursor is hidden"
        return status

    def end_dashboard(self):
        """Does so too, and returns what the terminal shows afterwards."""
        status = self.end()
        # The one after the other.
        for on, off in [(b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h")]:
            assert self.bytes.rfind(on) < self.bytes.rfind(off), (on, self.bytes[-300:])
        assert self.bytes.count(b"\x1b[?1049h") == self.bytes.count(b"\x1b[?1049l") == 1
        return status, self.bytes[self.bytes.rfind(b"\x1b[?1049l"):].decode()


run = Run("end")
run.wait_for("loss by step")
run.wait_for("epoch 2/4")
for columns, lines in [(60, 20), (140, 40), (10, 3), (100, 30)]:
    run.resize(columns, lines)
    run.wait_until("the first line", lambda: run.screen.display[0].startswith("epoch "))
    if columns < 60:
        continue
    run.wait_until("the last line", lambda: "Ctrl-C ends" in run.screen.display[-1])
    run.wait_until("one chart", lambda: run.text().count("loss by step") == 1)
    run.wait_for("this epoch")
status, after = run.end_dashboard()
assert status == 0 and "completed after 4 epochs" in after and "ended: Some(Completed)" in after
print("resized four times, completed: the table is on the terminal")

run = Run("panic")
status, after = run.end_dashboard()
assert status != 0 and "a planted panic" in after, after
print("panicked: the message is on the terminal")

run = Run("end")
run.wait_for("step 5")
os.write(run.controller, b"\x03")
status, after = run.end_dashboard()
assert status == 0 and "ended: Some(Interrupted)" in after, after
print("Ctrl-C: the run ended after its step")

for name in ["SIGINT", "SIGTERM", "SIGHUP"]:
    run = Run("end")
    run.wait_for("step 5")
    os.kill(run.child, getattr(signal, name))
    status, after = run.end_dashboard()
    assert status == 0 and "ended: Some(Interrupted)" in after, after
    print(f"{name}: the run ended after its step")

run = Run("end")
run.wait_for("step 5")
os.write(run.controller, b"\x03\x03")
status, after = run.end_dashboard()
assert os.waitstatus_to_exitcode(status) in (0, 130), status
print("Ctrl-C twice: the terminal is whole")

for columns in WIDTHS:
    run = Run("end", columns)
    run.wait_until("the first line", lambda: run.screen.display[0].startswith("epoch 2/4"))
    last = "Ctrl-C ends the run after this step"[:columns]
    assert run.screen.display[-1].rstrip() == last.rstrip(), run.text()
    assert "loss by step"[:columns - 2] in run.text(), run.text()
    os.write(run.controller, b"\x03")
    status, after = run.end_dashboard()
    assert status == 0 and "ended: Some(Interrupted)" in after, after

    run = Run("bar", columns)
    run.wait_for("epoch 2/4 ")
    run.wait_for("%")
    if columns >= 80:
        for part in [" steps/s, ", " left  loss "]:
            assert part in run.screen.display[run.screen.cursor.y], run.text()
    os.write(run.controller, b"\x03")
    assert run.end() == 0
    assert "%" not in run.text(), run.text()
    assert "ended: Some(Interrupted)" in run.text().replace("\n", ""), run.text()
print(f"both in {WIDTHS} columns, Ctrl-C in the middle: the terminal is whole")

run = Run("bar panic")
assert run.end() != 0 and "a planted panic" in run.text(), run.text()
print("the bar panicked: the message is on the terminal")

run = Run("bar", 30)
run.wait_for("epoch 3/4 ")
run.wait_for("%")
run.resize(200, 30)
run.wait_for("epoch 4/4 ")
run.resize(120, 30)
assert run.end() == 0
text = run.text()
for epoch in range(1, 5):
    assert text.count(f"epoch {epoch}/4  loss ") == 1, text
assert "completed after 4 epochs, 60 steps" in text and "%" not in text, text
print("the bar, resized twice: lines above it, and a table in its place")
