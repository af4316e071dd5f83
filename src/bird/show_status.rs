//! `show status` → the daemon's own facts.

use super::reply::Sink;
use super::text::string;
use super::time::bird_time;
use crate::model::daemon::{Daemon, DaemonStatus};

/// Reads the lines of `show status`.
#[derive(Debug, Default)]
pub struct Status {
    daemon: Daemon,
}

impl Status {
    /// The daemon as far as `show status` tells it. Sessions and protocols are still empty.
    pub fn finish(self) -> Result<Daemon, &'static str> {
        if self.daemon.version.is_empty() {
            return Err("`show status` without a version");
        }
        Ok(self.daemon)
    }
}

impl Sink for Status {
    fn line(&mut self, code: u16, text: &[u8]) {
        let daemon = &mut self.daemon;
        let known = match code {
            1000 => set(text, b"BIRD ", |rest| daemon.version = string(rest)),
            1011 => {
                set(text, b"Router ID is ", |rest| {
                    daemon.router_id = string(rest);
                }) || set(text, b"Hostname is ", |_| ())
                    || set(text, b"Current server time is ", |rest| {
                        daemon.server_time = bird_time(rest);
                    })
                    || set(text, b"Last reboot on ", |rest| {
                        daemon.last_reboot = bird_time(rest);
                    })
                    || set(text, b"Last reconfiguration on ", |rest| {
                        daemon.last_reconfiguration = bird_time(rest);
                    })
            }
            24 => {
                daemon.recovery = true;
                true
            }
            13 => match text {
                b"Daemon is up and running" => true,
                b"Reconfiguration in progress" => {
                    daemon.status = DaemonStatus::Reconfiguring;
                    true
                }
                b"Shutdown in progress" => {
                    daemon.status = DaemonStatus::ShuttingDown;
                    true
                }
                _ => false,
            },
            _ => false,
        };
        if !known {
            daemon.unknown_lines += 1;
        }
    }
}

fn set(text: &[u8], prefix: &[u8], then: impl FnOnce(&[u8])) -> bool {
    text.strip_prefix(prefix).map(then).is_some()
}

/// Major version of BIRD: 1 of `v0.3.3+birdv1.6.8` (Calico's fork), 2 of `2.0.12`.
pub fn major_version(version: &str) -> Option<u32> {
    let own = version.rsplit("bird").next().unwrap_or(version);
    let digits = own.trim_start_matches('v');
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::model::time::{BirdTime, LocalTime};

    #[test]
    fn versions() {
        assert_eq!(major_version("v0.3.3+birdv1.6.8"), Some(1));
        assert_eq!(major_version("1.6.8"), Some(1));
        assert_eq!(major_version("2.0.12"), Some(2));
        assert_eq!(major_version("v2.19-14-g1"), Some(2));
        assert_eq!(major_version("3.1.7"), Some(3));
        assert_eq!(major_version(""), None);
    }

    #[test]
    fn unknown_lines_are_counted_and_the_rest_used() {
        let mut status = Status::default();
        for (code, text) in [
            (1000, "BIRD 2.0.12"),
            (1011, "Router ID is 10.0.0.1"),
            (1011, "Moon phase is waning"),
            (1011, "Current server time is 1970-01-01 00:00:01.250"),
            (24, "Graceful restart recovery in progress"),
            (24, "  Waiting for 1 channels to recover"),
            (1099, "whatever"),
            (13, "Shutdown in progress"),
        ] {
            status.line(code, text.as_bytes());
        }
        let daemon = status.finish().unwrap();
        assert_eq!(daemon.unknown_lines, 2);
        assert_eq!(
            daemon.server_time,
            Some(BirdTime::Local(LocalTime { millis: 1250 }))
        );
        assert_eq!(daemon.status, DaemonStatus::ShuttingDown);
        assert!(daemon.recovery);
        assert!(Status::default().finish().is_err());
    }
}
