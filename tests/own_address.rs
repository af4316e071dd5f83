//! Addresses for the programs that tests start.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

/// An address of loopback that only this process uses, a new one at each call. A port that the kernel named as free a moment
/// ago may belong to another test by the time it is bound.
pub fn own_address() -> SocketAddr {
    static GIVEN: AtomicU8 = AtomicU8::new(0);
    let [.., high, low] = std::process::id().to_be_bytes();
    // 127.0.0.1 and what tests name in 127.0.0.0/9 stay out of it.
    let address = Ipv4Addr::new(127, high | 128, low, GIVEN.fetch_add(1, Ordering::Relaxed));
    (address, 19324).into()
}
