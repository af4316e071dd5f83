//! Which system calls there are (seccomp(2)): those by which the runtime waits, memory is managed, files are read, and
//! sockets are used. Every other answers EPERM.

use super::Network;
use libc::{
    AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, CLONE_THREAD, ENOSYS, EPERM, O_ACCMODE, O_CREAT,
    O_TMPFILE, O_TRUNC, c_long,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, apply_filter_all_threads,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Size of `sockaddr_nl` (netlink(7)). An Internet address is longer, and binding a path needs a right to write.
const NETLINK_ADDRESS: u64 = 12;

/// Calls without conditions.
const ALLOWED: &[c_long] = &[
    // Waiting and time.
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_ppoll,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_restart_syscall,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    // Files and descriptors.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_getcwd,
    libc::SYS_fcntl,
    libc::SYS_ioctl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    // Sockets that are open, and those of BIRD and netlink.
    libc::SYS_accept4,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_shutdown,
    // Threads, signals and the end.
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_sched_getaffinity,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // What is asked about the process and the system.
    libc::SYS_getrandom,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_prctl,
    libc::SYS_sysinfo,
    libc::SYS_uname,
];

/// Older calls that x86 has as well.
#[cfg(target_arch = "x86_64")]
const ALLOWED_ON_THIS_MACHINE: &[c_long] = &[
    libc::SYS_poll,
    libc::SYS_epoll_wait,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_readlink,
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_ON_THIS_MACHINE: &[c_long] = &[];

/// Restricts every thread.
pub(super) fn restrict(network: Network) -> Result<(), String> {
    let apply = || -> Result<(), seccompiler::Error> {
        // The stricter of two filters decides. glibc starts a thread by clone instead when clone3 is not there; the
        // arguments of clone3 lie in memory, where a filter cannot see them.
        let no_clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let no_clone3 = program(
            no_clone3,
            SeccompAction::Errno(ENOSYS as u32),
            SeccompAction::Allow,
        )?;
        let refused = SeccompAction::Errno(EPERM as u32);
        let allowed = program(rules(network)?, SeccompAction::Allow, refused)?;
        apply_filter_all_threads(&no_clone3)?;
        apply_filter_all_threads(&allowed)
    };
    apply().map_err(|error| error.to_string())
}

fn program(
    rules: Rules,
    matching: SeccompAction,
    other: SeccompAction,
) -> Result<BpfProgram, seccompiler::Error> {
    let machine = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, other, matching, machine)?;
    Ok(filter.try_into()?)
}

fn rules(network: Network) -> Result<Rules, seccompiler::Error> {
    let all = ALLOWED.iter().chain(ALLOWED_ON_THIS_MACHINE);
    let mut rules: Rules = all.map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_clone3, Vec::new());
    // Threads and no processes.
    let thread = CLONE_THREAD as u64;
    rules.insert(
        libc::SYS_clone,
        vec![rule(0, Op::MaskedEq(thread), thread)?],
    );
    // Limits are read, and signals are for this process.
    let no_pointer = condition(2, Length::Qword, Op::Eq, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![no_pointer]);
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![rule(0, Op::Eq, own)?]);
    // Only for reading.
    let writing = (O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & !libc::O_DIRECTORY)) as u64;
    rules.insert(libc::SYS_openat, vec![rule(2, Op::MaskedEq(writing), 0)?]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, vec![rule(1, Op::MaskedEq(writing), 0)?]);
    let (families, bind) = match network {
        Network::Open => (
            &[AF_UNIX, AF_NETLINK][..],
            vec![rule(2, Op::Eq, NETLINK_ADDRESS)?],
        ),
        Network::Ip => (&[AF_UNIX, AF_NETLINK, AF_INET, AF_INET6][..], Vec::new()),
    };
    let families = families
        .iter()
        .map(|family| rule(0, Op::Eq, *family as u64));
    let families = families.collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_socket, families);
    rules.insert(libc::SYS_bind, bind);
    Ok(rules)
}

/// That an argument, counted from 0, compares with a value.
fn rule(argument: u8, op: Op, value: u64) -> Result<SeccompRule, seccompiler::Error> {
    condition(argument, Length::Dword, op, value)
}

fn condition(
    argument: u8,
    length: Length,
    op: Op,
    value: u64,
) -> Result<SeccompRule, seccompiler::Error> {
    let condition = SeccompCondition::new(argument, length, op, value)?;
    Ok(SeccompRule::new(vec![condition])?)
}
