"""System calls made from inside a running process (ptrace(2), x86_64): what its seccomp filter answers to them."""

import ctypes
import os
import pathlib
import re
import signal

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long
PEEKTEXT, SINGLESTEP, GETREGS, SETREGS, ATTACH, DETACH = 1, 9, 12, 13, 16, 17
WALL = 0x40000000
# struct user_regs_struct, in its order.
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs").split()
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
SYSCALL = b"\x0f\x05"
EPERM = 1


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulong) for name in NAMES]


def ptrace(request, pid, address=None, data=None):
    ctypes.set_errno(0)
    result = LIBC.ptrace(request, pid, address, data)
    if result == -1 and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), f"ptrace {request}")
    return result


class Inside:
    """A thread that is stopped while it waits in a system call, and makes others instead."""

    def __init__(self, pid):
        self.pid = pid
        ptrace(ATTACH, pid)
        os.waitpid(pid, WALL)
        self.before = self.registers()
        code = ptrace(PEEKTEXT, pid, self.before.rip - 2) & 0xFFFF
        if code != int.from_bytes(SYSCALL, "little"):
            raise AssertionError("the thread does not wait in a system call")

    def registers(self):
        registers = Registers()
        ptrace(GETREGS, self.pid, None, ctypes.addressof(registers))
        return registers

    def call(self, number, *arguments):
        """What the kernel returns: a negative number is an error."""
        registers = Registers.from_buffer_copy(self.before)
        registers.rip -= len(SYSCALL)
        registers.rax, registers.orig_rax = number, ctypes.c_ulong(-1).value
        for name, value in zip(ARGUMENTS, (*arguments, 0, 0, 0, 0, 0, 0)):
            setattr(registers, name, ctypes.c_ulong(value).value)
        ptrace(SETREGS, self.pid, None, ctypes.addressof(registers))
        ptrace(SINGLESTEP, self.pid)
        _, status = os.waitpid(self.pid, WALL)
        if not os.WIFSTOPPED(status) or os.WSTOPSIG(status) != signal.SIGTRAP:
            raise AssertionError(f"call {number}: the process ended or got a signal: {status:#x}")
        return ctypes.c_long(self.registers().rax).value

    def __enter__(self):
        return self

    def __exit__(self, *_):
        ptrace(SETREGS, self.pid, None, ctypes.addressof(self.before))
        ptrace(DETACH, self.pid)


def numbers():
    """The system calls of this machine, by name."""
    text = pathlib.Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read_text(encoding="ascii")
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", text)}


def named_in_the_filter():
    """The system calls that the filter allows, some of them under a condition."""
    source = pathlib.Path(__file__).resolve().parents[2] / "src" / "sandbox" / "seccomp.rs"
    return set(re.findall(r"libc::SYS_(\w+)", source.read_text(encoding="utf-8")))
