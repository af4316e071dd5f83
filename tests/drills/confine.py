#!/usr/bin/env python3
"""confine.py DENY SOCKET_DIR PROGRAM [ARG...]: runs PROGRAM under Landlock (its own file, the libraries, /proc and /sys to read; the
directory of the sockets) and seccomp (no new programs, no writing, no mounts, no kernel modules, no tracing; further without the
socket families in DENY: `netlink`, `unix`, or `-` for none). A denied call fails with EPERM. Prints what was in force."""

import ctypes
import os
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
# x86_64 system calls.
SOCKET = 41
FORBIDDEN = {"fork": 57, "vfork": 58, "kill": 62, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "link": 86, "unlink": 87,
             "symlink": 88, "chmod": 90, "chown": 92, "ptrace": 101, "setuid": 105, "setgid": 106, "mount": 165, "reboot": 169,
             "init_module": 175, "mkdirat": 258, "unlinkat": 263, "renameat": 264, "unshare": 272, "setns": 308,
             "finit_module": 313, "bpf": 321, "io_uring_setup": 425}
FAMILIES = {"unix": 1, "netlink": 16}
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
ALL_OF_ABI_1 = (1 << 13) - 1


def landlock(readable, writable):
    """Returns the ABI that was in force; 0 where the kernel has none."""
    abi = LIBC.syscall(LANDLOCK_CREATE, None, 0, 1)
    if abi < 1:
        return 0
    handled = struct.pack("Q", ALL_OF_ABI_1)
    ruleset = LIBC.syscall(LANDLOCK_CREATE, handled, len(handled), 0)
    for path, access in [(path, EXECUTE | READ_FILE | READ_DIR) for path in readable] + [(path, READ_FILE | READ_DIR | WRITE_FILE) for path in writable]:
        if not os.path.exists(path):
            continue
        if not os.path.isdir(path):
            access &= ~READ_DIR
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", access, descriptor)
        if LIBC.syscall(LANDLOCK_ADD, ruleset, 1, rule, 0):
            raise OSError(ctypes.get_errno(), f"landlock {path}")
        os.close(descriptor)
    if LIBC.syscall(LANDLOCK_RESTRICT, ruleset, 0):
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    return abi


def seccomp(denied_families):
    """A BPF program over struct seccomp_data: load, compare, jump."""
    load, equal, give = 0x20, 0x15, 0x06
    allow, refuse = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ERRNO | EPERM
    code = [(load, 0, 0, 0)]
    for number in FORBIDDEN.values():
        code += [(equal, 0, 1, number), (give, 0, 0, refuse)]
    # socket(2): its first argument, the family, is at offset 16.
    code += [(equal, 0, 1 + 2 * len(denied_families), SOCKET), (load, 0, 0, 16)]
    for family in denied_families:
        code += [(equal, 0, 1, FAMILIES[family]), (give, 0, 0, refuse)]
    code += [(give, 0, 0, allow)]
    text = b"".join(struct.pack("HBBI", *step) for step in code)
    keep = ctypes.create_string_buffer(text, len(text))
    program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(keep))
    if LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def main():
    deny, directory, *command = sys.argv[1:]
    LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    abi = landlock(["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/proc", "/sys", command[0]], [directory, "/dev/null"])
    seccomp([] if deny == "-" else deny.split(","))
    print(f"confined: Landlock ABI {abi}, seccomp", file=sys.stderr, flush=True)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
