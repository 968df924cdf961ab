"""Attempts to get out of a job's sandbox, made by a job itself.

Each attempt returns how it got through, or returns None or raises where it was refused. What it
did goes to the log, a JSON line each: ``{"attempt": ..., "through": ..., "how": ...}``.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import socket
import subprocess
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
# System calls by their numbers on x86-64.
CALLS = {
    "ptrace": 101,
    "syslog": 103,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "reboot": 169,
    "sethostname": 170,
    "iopl": 172,
    "init_module": 175,
    "settimeofday": 164,
    "chroot": 161,
    "kexec_load": 246,
    "add_key": 248,
    "keyctl": 250,
    "unshare": 272,
    "perf_event_open": 298,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "bpf": 321,
    "userfaultfd": 323,
    "pivot_root": 155,
    "acct": 163,
    "quotactl": 179,
    "personality": 135,
}
ATTEMPTS = {}


def attempt(group):
    """Enter a function among the attempts of ``group``."""

    def enter(function):
        ATTEMPTS.setdefault(group, []).append((function.__name__, function))
        return function

    return enter


def run(group):
    """Make every attempt of a group and report each."""
    for name, function in ATTEMPTS[group]:
        try:
            how = function()
            report(name, bool(how), how or "nothing came of it")
        except Exception as error:
            report(name, False, "{}: {}".format(type(error).__name__, error))


def report(name, through, how):
    line = json.dumps({"attempt": name, "through": through, "how": str(how)[:300]})
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def call(name, *arguments):
    """Make a system call and raise OSError where it fails."""
    result = LIBC.syscall(CALLS[name], *arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return "{} returned {}".format(name, result)


# The network.


def connect(family, kind, address):
    with socket.socket(family, kind) as end:
        end.settimeout(3)
        end.connect(address)
        end.send(b"x")
    return "connected to {}".format(address)


@attempt("network")
def connect_to_the_internet():
    return connect(socket.AF_INET, socket.SOCK_STREAM, ("1.1.1.1", 443))


@attempt("network")
def send_a_datagram_to_the_internet():
    return connect(socket.AF_INET, socket.SOCK_DGRAM, ("8.8.8.8", 53))


@attempt("network")
def connect_by_ipv6():
    return connect(socket.AF_INET6, socket.SOCK_STREAM, ("2606:4700:4700::1111", 443))


@attempt("network")
def ask_the_name_service():
    return socket.getaddrinfo("example.com", 80)


@attempt("network")
def ask_the_cloud_for_credentials():
    return connect(socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80))


@attempt("network")
def connect_to_the_engine_over_its_bridge():
    return connect(socket.AF_INET, socket.SOCK_STREAM, ("172.17.0.1", 2375))


@attempt("network")
def connect_to_a_service_of_the_host_on_loopback():
    return connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 22))


@attempt("network")
def open_a_raw_socket():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    return "opened"


@attempt("network")
def open_a_packet_socket():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300).close()
    return "opened"


@attempt("network")
def reach_the_host_of_a_virtual_machine():
    for port in (22, 52, 1024, 2375, 9000):
        try:
            with socket.socket(40, socket.SOCK_STREAM) as end:  # AF_VSOCK, host
                end.settimeout(1)
                if LIBC.connect(end.fileno(), _vsock(2, port), 16) == 0:
                    return "connected to port {}".format(port)
        except OSError:
            return None
    return None


def _vsock(cid, port):
    return ctypes.create_string_buffer(
        (40).to_bytes(2, sys.byteorder)
        + b"\0\0"
        + port.to_bytes(4, sys.byteorder)
        + cid.to_bytes(4, sys.byteorder)
        + b"\0" * 4,
        16,
    )


@attempt("network")
def see_an_interface_beside_loopback():
    with open("/proc/net/dev") as file:
        names = [line.split(":")[0].strip() for line in file if ":" in line]
    return [name for name in names if name != "lo"]


@attempt("network")
def make_an_interface():
    import fcntl

    with open("/dev/net/tun", "r+b", buffering=0) as file:
        return fcntl.ioctl(file, 0x400454CA, b"tun0" + b"\0" * 12 + b"\x01\0" + b"\0" * 22)


# The host's files.

HOST_SOCKETS = (
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/systemd/private",
    "/run/dbus/system_bus_socket",
)


@attempt("host")
def talk_to_the_engine():
    return [path for path in HOST_SOCKETS if os.path.exists(path)]


@attempt("host")
def find_any_socket():
    found = []
    for root, folders, files in os.walk("/"):
        if root in ("/proc", "/sys"):
            folders[:] = []
        found += [p for p in (os.path.join(root, f) for f in files) if _is_socket(p)]
    return found


def _is_socket(path):
    try:
        return os.stat(path).st_mode & 0o170000 == 0o140000
    except OSError:
        return False


@attempt("host")
def read_the_memory_of_the_kernel():
    with open("/proc/kcore", "rb") as file:
        return len(file.read(16))


@attempt("host")
def read_the_keys_of_the_kernel():
    with open("/proc/keys") as file:
        return file.read()


@attempt("host")
def read_the_log_of_the_kernel():
    return call("syslog", 3, ctypes.create_string_buffer(4096), 4096)


@attempt("host")
def read_firmware_tables():
    return os.listdir("/sys/firmware")


@attempt("host")
def see_a_process_that_is_not_ours():
    others = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in (os.getpid(), os.getppid()):
            others.append(name)
    return others


@attempt("host")
def find_a_device():
    allowed = {
        "stderr",
        "stdout",
        "stdin",
        "fd",
        "ptmx",
        "urandom",
        "zero",
        "tty",
        "full",
        "random",
        "null",
        "shm",
        "mqueue",
        "pts",
        "core",
        "console",
    }
    return sorted(set(os.listdir("/dev")) - allowed)


@attempt("host")
def read_a_disk():
    device = os.makedev(254, 0)
    os.mknod("/tmp/disk", 0o060600, device)
    with open("/tmp/disk", "rb") as file:
        return len(file.read(16))


@attempt("host")
def open_a_file_of_the_host_by_its_handle():
    handle = ctypes.create_string_buffer(b"\x08\0\0\0\x01\0\0\0\x02" + b"\0" * 15, 24)
    return call("open_by_handle_at", os.open("/", os.O_RDONLY), handle, 0)


@attempt("host")
def learn_the_host_by_name():
    told = SECRETS["hostname"]
    seen = {socket.gethostname(), os.environ.get("HOSTNAME", "")}
    for path in ("/etc/hostname", "/etc/hosts", "/proc/sys/kernel/hostname"):
        with open(path) as file:
            seen.update(file.read().split())
    return told in seen and told


@attempt("host")
def learn_the_name_servers_of_the_host():
    with open("/etc/resolv.conf") as file:
        words = file.read().split()
    return [word for word in words if word in SECRETS["resolv"]]


@attempt("host")
def learn_a_secret_of_the_environment():
    with open("/proc/self/environ") as file:
        text = file.read() + " ".join("{}={}".format(*pair) for pair in os.environ.items())
    return [word for word in SECRETS["environment"] if word in text]


@attempt("host")
def see_the_cache_of_another_image():
    found = []
    for root, folders, files in os.walk("/"):
        if root in ("/proc", "/sys"):
            folders[:] = []
        found += [os.path.join(root, f) for f in files if f == SECRETS["other_cache"]]
    return found


@attempt("host")
def leave_a_core_file():
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    return (soft, hard) != (0, 0) and (soft, hard)


# What the test tells the job to look for: it must not be able to find it by itself.
SECRETS = {"hostname": "", "resolv": [], "environment": [], "other_cache": ""}

# Writing outside the tmpfs.

PLACES = (
    "/x",
    "/etc/x",
    "/usr/x",
    "/usr/local/bin/python3",
    "/opt/bench/models/x",
    "/var/x",
    "/var/tmp/x",
    "/root/x",
    "/home/x",
    "/run/x",
    "/data/x",
    "/dev/x",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",
    "/proc/sys/vm/drop_caches",
    "/proc/sysrq-trigger",
    "/proc/self/oom_score_adj_",
    "/sys/kernel/uevent_helper",
    "/sys/fs/cgroup/x",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/pids/pids.max",
    "/sys/fs/cgroup/pids.max",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/cgroup.procs",
)


def _writes(path):
    def write():
        with open(path, "ab") as file:
            file.write(b"1")
        return "wrote"

    write.__name__ = "write_to_" + path
    return write


for _place in PLACES:
    attempt("files")(_writes(_place))


@attempt("files")
def write_through_a_link():
    os.symlink("/etc/x", "/tmp/link")
    with open("/tmp/link", "w") as file:
        file.write("x")
    return "wrote"


@attempt("files")
def write_through_the_root_of_a_process():
    with open("/proc/self/root/etc/x", "w") as file:
        file.write("x")
    return "wrote"


@attempt("files")
def make_the_root_writable():
    return call("mount", b"none", b"/", b"", 0x20, None)  # MS_REMOUNT


@attempt("files")
def mount_a_file_system():
    os.mkdir("/tmp/mount")
    return call("mount", b"none", b"/tmp/mount", b"tmpfs", 0, None)


@attempt("files")
def unmount_what_hides_the_keys():
    return call("umount2", b"/proc/keys", 2)


@attempt("files")
def fall_less_likely_to_lack_of_memory():
    with open("/proc/self/oom_score_adj") as file:
        before = int(file.read())
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write(str(before - 1))
    return "lowered"


# Gaining privileges.


@attempt("privileges")
def be_root():
    os.setuid(0)
    return os.getuid()


@attempt("privileges")
def be_in_the_group_of_root():
    os.setgid(0)
    return "is"


@attempt("privileges")
def take_further_groups():
    os.setgroups([0, 27, 999])
    return os.getgroups()


@attempt("privileges")
def start_as_another_user():
    return os.getuid() != 1000 and os.getuid()


@attempt("privileges")
def have_a_capability():
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file if ":" in line)
    held = [status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")]
    return [value for value in held if int(value, 16)]


@attempt("privileges")
def run_without_a_seccomp_filter():
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file if ":" in line)
    return status["Seccomp"].strip() != "2" and status["Seccomp"]


@attempt("privileges")
def gain_privileges_by_a_setuid_program():
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file if ":" in line)
    if status["NoNewPrivs"].strip() != "1":
        return "new privileges are allowed"
    for program in (["su", "-c", "id -u"], ["mount", "-t", "tmpfs", "none", "/tmp"]):
        ended = subprocess.Popen(
            program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said = ended.communicate()[0].strip()
        if ended.returncode == 0 and said in (b"0", b""):
            return program
    return None


@attempt("privileges")
def make_a_setuid_program():
    with open("/tmp/program", "wb") as file:
        file.write(b"#!/bin/sh\nid -u\n")
    os.chown("/tmp/program", 0, 0)
    os.chmod("/tmp/program", 0o4755)
    return "made"


@attempt("privileges")
def change_the_root():
    os.chroot("/tmp")
    return "changed"


@attempt("privileges")
def read_the_memory_of_the_first_process():
    if os.getpid() != 1:
        return None
    local, remote = (ctypes.c_size_t * 2)(), (ctypes.c_size_t * 2)()
    return call("process_vm_readv", os.getppid(), local, 1, remote, 1, 0)


@attempt("privileges")
def trace_what_is_outside():
    return call("ptrace", 16, os.getppid() or 2, 0, 0)


def _flags(name, flag):
    def leave():
        return call("unshare", flag)

    leave.__name__ = "make_a_namespace_of_" + name
    return leave


for _name, _flag in (
    ("users", 0x10000000),
    ("mounts", 0x00020000),
    ("network", 0x40000000),
    ("processes", 0x20000000),
    ("hostnames", 0x04000000),
    ("cgroups", 0x02000000),
):
    attempt("privileges")(_flags(_name, _flag))


@attempt("privileges")
def enter_the_namespace_of_another():
    return call("setns", os.open("/proc/self/ns/net", os.O_RDONLY), 0)


def _calls(name, *arguments):
    def make():
        return call(name, *arguments)

    make.__name__ = "call_" + name
    return make


for _call in (
    ("add_key", b"user", b"bench", b"x", 1, -2),
    ("keyctl", 0, -3, 1),
    ("bpf", 0, None, 0),
    ("userfaultfd", 0),
    ("perf_event_open", None, 0, -1, -1, 0),
    ("init_module", None, 0, b""),
    ("kexec_load", 0, 0, None, 0),
    ("swapon", b"/tmp/x", 0),
    ("sethostname", b"mine", 4),
    ("iopl", 3),
    ("settimeofday", None, None),
    ("pivot_root", b"/tmp", b"/tmp"),
    ("acct", b"/tmp/x"),
    ("quotactl", 0, None, 0, None),
    ("reboot", 0, 0, 0, None),
    ("personality", 0x0040000),
):
    attempt("privileges")(_calls(*_call))


# Taking more than its share. These report how far they came.


def fork_without_end():
    """Fork until the kernel refuses, report how often it did not, then go on without end."""
    children = []
    while True:
        try:
            child = os.fork()
        except OSError as error:
            refused = error.errno == errno.EAGAIN
            break
        if child == 0:
            time.sleep(1000)
            os._exit(0)
        children.append(child)
    how = "{} processes, then refused: {}".format(len(children), refused)
    report("fork_without_end", not refused or len(children) > 2048, how)
    for child in children[1:]:
        os.kill(child, 9)
        os.waitpid(child, 0)
    while True:
        with contextlib.suppress(OSError):
            os.fork()


def _fill(folder, most):
    """Write files of 16 MiB until it fails, and return the bytes and the error."""
    written, block = 0, b"x" * (1 << 20)
    try:
        for number in range(most >> 24):
            with open(os.path.join(folder, "fill{}".format(number)), "wb", buffering=0) as file:
                for _ in range(16):
                    written += file.write(block)
    except OSError as error:
        return written, errno.errorcode[error.errno]
    return written, None


def fill_the_disk():
    """Fill both tmpfs, in bytes and in files, and report how much there was."""
    for folder in ("/tmp", "/dev/shm"):
        written, error = _fill(folder, 1 << 30)
        how = "{} bytes, then {}".format(written, error)
        report("fill_" + folder, error != "ENOSPC" or written > 1 << 27, how)
        for name in os.listdir(folder):
            if name.startswith("fill"):
                os.unlink(os.path.join(folder, name))
    made = 0
    try:
        for made in range(200000):
            open("/tmp/file{}".format(made), "w").close()
        report("fill_/tmp_with_files", True, "{} files".format(made))
    except OSError as error:
        report("fill_/tmp_with_files", False, "{} files, then {}".format(made, error))
    for name in os.listdir("/tmp"):
        if name.startswith("file"):
            os.unlink(os.path.join("/tmp", name))


def fill_the_cache(megabytes):
    """Fill the compile cache, and hide what lies there from its own user."""
    os.mkdir("/cache/hidden")
    written, error = _fill("/cache/hidden", megabytes << 20)
    os.chmod("/cache/hidden", 0)
    sys.stderr.write("wrote {} bytes, {}\n".format(written, error))


def fill_the_cache_without_end():
    number = 0
    while True:
        folder = "/cache/more{}".format(number)
        os.mkdir(folder)
        _fill(folder, 256 << 20)
        number += 1
