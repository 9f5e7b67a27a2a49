#!/usr/bin/env python3
"""Measures training steps on two hosts by the bandwidth and the delay of the link between them.

The hosts are two network namespaces of this machine. They are joined by a veth pair, or, if packets
are to be delayed, by two TUN devices between which a process of this script carries the packets.
`tc` limits the rate of each direction. The weights must have the bits of one process.

Needs root, iproute2 and Open MPI. Its argument is the program of the bench `hosts`.
"""
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

HOSTS = ["cotangent-0", "cotangent-1"]
ADDRESSES = ["10.77.0.1", "10.77.0.2"]
DEVICES = ["cotangent0", "cotangent1"]
# Rates in Mbit/s, and delays of one direction in ms.
LINKS = [(rate, delay) for delay, rates in [
    (0, [100, 300, 1000, 10000]),
    (0.1, [100, 300, 1000]),
    (1, [100, 300, 1000]),
] for rate in rates]
STEPS, SAMPLES = 20, 64
# Open MPI's default, and a limit above the messages of this net, with which the two directions of
# the link do not wait for one another.
EAGER = [65536, 8 << 20]


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


def remove_hosts():
    for host in HOSTS:
        if Path("/run/netns", host).exists():
            run("ip", "netns", "delete", host)
    for device in DEVICES:
        subprocess.run(["ip", "link", "delete", device], stderr=subprocess.DEVNULL)


def carry(delay):
    """Creates the TUN devices, and carries packets between them with a delay in seconds."""
    files = []
    for device in DEVICES:
        file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        tun_without_header = 0x0001 | 0x1000
        set_interface = 0x400454CA
        fcntl.ioctl(file, set_interface, struct.pack("16sH", device.encode(), tun_without_header))
        files.append(file)
    print("ready", flush=True)
    packets = {file: deque() for file in files}
    other = {files[0]: files[1], files[1]: files[0]}
    while True:
        due = min((queue[0][0] for queue in packets.values() if queue), default=None)
        wait = None if due is None else max(0, due - time.monotonic())
        for file in select.select(files, [], [], wait)[0]:
            try:
                while True:
                    packet = os.read(file, 1 << 16)
                    packets[other[file]].append((time.monotonic() + delay, packet))
            except OSError:
                pass  # There are no more packets, or the device has moved to its host.
        now = time.monotonic()
        for file, queue in packets.items():
            while queue and queue[0][0] <= now:
                try:
                    os.write(file, queue.popleft()[1])
                except OSError:
                    pass  # The device is not up yet.


def join_hosts(rate, delay):
    """Makes the hosts and the link, and returns the process that carries packets, if any."""
    for host in HOSTS:
        run("ip", "netns", "add", host)
    process = None
    if delay == 0:
        run("ip", "link", "add", DEVICES[0], "type", "veth", "peer", "name", DEVICES[1])
    else:
        process = subprocess.Popen(
            [sys.executable, __file__, "--carry", str(delay / 1e3)], stdout=subprocess.PIPE
        )
        process.stdout.readline()
    for host, device, address in zip(HOSTS, DEVICES, ADDRESSES):
        run("ip", "link", "set", device, "netns", host)
        run("ip", "-n", host, "address", "add", f"{address}/24", "dev", device)
        run("ip", "-n", host, "link", "set", device, "mtu", 9000, "txqueuelen", 10000, "up")
        run("ip", "-n", host, "link", "set", "lo", "up")
        limit = ["rate", f"{rate}mbit", "burst", "128kb", "latency", "400ms"]
        run("tc", "-n", host, "qdisc", "add", "dev", device, "root", "tbf", *limit)
    return process


def echo():
    """Answers short packets until there are no more."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((ADDRESSES[1], 7777))
        while True:
            server.sendto(*server.recvfrom(64))


def ask():
    """Prints the median seconds of one direction, for a short packet."""
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        client.connect((ADDRESSES[1], 7777))
        for _ in range(400):
            start = time.monotonic()
            try:
                client.send(b"x")
                client.recv(64)
                times.append(time.monotonic() - start)
            except OSError:
                time.sleep(0.05)  # The other side has not started.
    print(sorted(times)[len(times) // 2] / 2)


def latency():
    """Returns the seconds of one direction of the link, for a short packet."""
    own = [sys.executable, __file__]
    answers = subprocess.Popen(["ip", "netns", "exec", HOSTS[1], *own, "--echo"])
    try:
        asks = ["ip", "netns", "exec", HOSTS[0], *own, "--ask"]
        return float(run(*asks, stdout=subprocess.PIPE, text=True).stdout)
    finally:
        answers.kill()
        answers.wait()


def job(program, *arguments, hosts=False, eager=65536):
    """Runs ranks, and returns the seconds of a step, the bytes of gradients and the hash.

    TCP sends messages of more than `eager` bytes after the receiver has agreed.
    """
    environment = os.environ | {
        "RAYON_NUM_THREADS": "1",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    }
    command = [program, *map(str, arguments)]
    if hosts:
        with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as agent:
            # Instead of `ssh`: enters the host of this address, under a name of its own.
            agent.write('#!/bin/sh\nhost=cotangent-$((${1##*.} - 1)); shift\n')
            agent.write('exec ip netns exec $host unshare --uts --fork --kill-child sh -c ')
            agent.write('"hostname $host; $*"\n')
        os.chmod(agent.name, 0o700)
        network = "10.77.0.0/24"
        options = [
            "--mca", "plm_rsh_agent", agent.name, "--mca", "btl", "tcp,self",
            "--mca", "pml", "ob1", "--mca", "btl_tcp_if_include", network,
            "--mca", "oob_tcp_if_include", network, "--bind-to", "none",
            "--mca", "btl_tcp_eager_limit", str(eager),
            "--host", ",".join(f"{address}:1" for address in ADDRESSES),
        ]
        command = [agent.name, ADDRESSES[0], "mpirun", *options, "-n", "2", *command]
    try:
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120
        )
    finally:
        if hosts:
            os.unlink(agent.name)
    if result.returncode != 0:
        sys.exit(f"the job has failed: {result.stdout}{result.stderr}")
    seconds, size, bits = result.stdout.split()
    return float(seconds), int(size), bits


def main():
    match sys.argv[1:]:
        case ["--carry", delay]:
            return carry(float(delay))
        case ["--echo"]:
            return echo()
        case ["--ask"]:
            return ask()
    program = os.path.abspath(sys.argv[1])
    _, size, expected = job(program, STEPS, 2, SAMPLES)
    # The computation of one rank in a step, without an exchange.
    compute = min(job(program, STEPS, 1, SAMPLES)[0] for _ in range(3))
    print(f"{size / 1e6:.2f} MB of gradients; a rank computes {compute * 1e3:.1f} ms a step")
    print("| Mbit/s | delay, ms | measured, ms | model, ms a step | default | eager |")
    print("|---|---|---|---|---|---|")
    for rate, delay in LINKS:
        remove_hosts()
        process = None
        try:
            process = join_hosts(rate, delay)
            one_way = latency()
            jobs = [
                job(program, STEPS, 2, SAMPLES, hosts=True, eager=eager) for eager in EAGER
            ]
        finally:
            if process:
                process.kill()
                process.wait()
            remove_hosts()
        for _, _, bits in jobs:
            if bits != expected:
                sys.exit(f"the weights differ: {bits}, expected {expected}")
        # Of two ranks each sends as many bytes as there are gradients, in two messages, and one
        # message of the loss.
        model = compute + size * 8 / (rate * 1e6) + 3 * one_way
        times = " | ".join(f"{seconds * 1e3:.1f}" for seconds, _, _ in jobs)
        print(
            f"| {rate} | {delay} | {one_way * 1e3:.3f} | {model * 1e3:.1f} | {times} |", flush=True
        )
    print("all weights have the bits of one process")


if __name__ == "__main__":
    main()
