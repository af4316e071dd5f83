//! Both address families: their sockets and what is known in each.

use super::prober::{Outgoing, Prober, Settings};
use super::report::PathDetail;
use super::signature::Keys;
use super::socket::{LONGEST, Socket};
use crate::model::pod_path::{DroppedDatagrams, PodPaths};
use crate::model::{Family, PerFamily};
use std::net::IpAddr;
use std::time::Duration;

/// Datagrams that are worked on before anything else gets its turn.
const BATCH: usize = 64;
/// The MTU is read again so often.
const MTU_INTERVAL: Duration = Duration::from_secs(600);

/// The sockets and the probes behind them.
pub(super) struct Families {
    settings: Settings,
    sockets: Vec<Socket>,
    probers: PerFamily<Option<Prober>>,
    keys: Keys,
    detail: PathDetail,
    discovery_up: Option<bool>,
    mtu_read: Option<Duration>,
    buffer: Vec<u8>,
}

impl Families {
    pub(super) fn new(settings: Settings, sockets: Vec<Socket>, detail: PathDetail) -> Self {
        Families {
            settings,
            sockets,
            probers: PerFamily::default(),
            keys: Keys::default(),
            detail,
            discovery_up: None,
            mtu_read: None,
            buffer: vec![0; LONGEST],
        }
    }

    pub(super) fn set_keys(&mut self, keys: Keys) {
        for prober in [&mut self.probers.v4, &mut self.probers.v6]
            .into_iter()
            .flatten()
        {
            prober.set_keys(keys.clone());
        }
        self.keys = keys;
    }

    pub(super) fn set_discovery_up(&mut self, up: Option<bool>) {
        self.discovery_up = up;
    }

    /// The probes that there are now, of both families.
    pub(super) fn set_members(&mut self, now: Duration, members: &[IpAddr]) {
        let read_mtu = self
            .mtu_read
            .is_none_or(|at| now.saturating_sub(at) >= MTU_INTERVAL);
        for socket in &mut self.sockets {
            let family = socket.family();
            let prober = &mut self.probers[family];
            if prober.is_none() || read_mtu {
                let Some(local) = socket.local(members) else {
                    continue;
                };
                self.mtu_read = (local.mtu > 0).then_some(now);
                socket.set_mtu(local.mtu);
                if prober.is_none() {
                    let settings = self.settings.clone();
                    *prober = Some(Prober::new(settings, local.address, self.keys.clone()));
                    tracing::info!(address = %local.address, mtu = local.mtu, "probing");
                }
            }
            if let Some(prober) = prober {
                let of_family = members.iter().filter(|a| Family::from(**a) == family);
                let of_family: Vec<IpAddr> = of_family.copied().collect();
                prober.set_members(now, &of_family);
            }
        }
    }

    /// Waits until one of the sockets has a datagram.
    pub(super) async fn readable(&self) {
        // An error shows when the socket is read.
        let _ = match self.sockets.as_slice() {
            [one, other, ..] => {
                tokio::select! {
                    ready = one.readable() => ready,
                    ready = other.readable() => ready,
                }
            }
            [one] => one.readable().await,
            [] => std::future::pending().await,
        };
    }

    /// Works on what has arrived.
    pub(super) fn receive(&mut self, now: Duration) {
        for socket in &self.sockets {
            let prober = &mut self.probers[socket.family()];
            for _ in 0..BATCH {
                let Ok((length, from)) = socket.receive(&mut self.buffer) else {
                    break;
                };
                let Some(prober) = prober else { continue };
                if let Some(answer) = prober.receive(now, from.ip(), &self.buffer[..length]) {
                    socket.answer(from, answer);
                }
            }
        }
    }

    /// Sends what is due.
    pub(super) fn poll(&mut self, now: Duration, unix_time: Duration) {
        self.each(|socket, prober| {
            prober.poll(now, unix_time, |out| send(socket, &out));
        });
    }

    /// Tells the others that this probe ends.
    pub(super) fn goodbye(&mut self, now: Duration) {
        self.each(|socket, prober| prober.goodbye(now, |out| send(socket, &out)));
    }

    fn each(&mut self, mut work: impl FnMut(&mut Socket, &mut Prober)) {
        for socket in &mut self.sockets {
            if let Some(prober) = &mut self.probers[socket.family()] {
                work(socket, prober);
            }
        }
    }

    /// When the next question is due.
    pub(super) fn next_question(&self) -> Option<Duration> {
        let probers = self.probers.values().flatten();
        probers.filter_map(Prober::next_question).min()
    }

    /// Whether an unknown sender was seen since the last call.
    pub(super) fn take_unknown_sender(&mut self) -> bool {
        let mut seen = false;
        self.each(|_, prober| seen |= prober.take_unknown_sender());
        seen
    }

    /// What is known now.
    pub(super) fn report(&self, now: Duration) -> PodPaths {
        let mut dropped = DroppedDatagrams::default();
        for prober in self.probers.values().flatten() {
            dropped += prober.dropped();
        }
        let report = |family| {
            let prober: Option<&Prober> = self.probers[family].as_ref();
            prober.map(|prober| prober.report(now, self.detail))
        };
        PodPaths {
            families: PerFamily::new(report),
            discovery_up: self.discovery_up,
            dropped,
        }
    }
}

fn send(socket: &mut Socket, out: &Outgoing<'_>) {
    socket.send(out.to, out.bytes, out.full_size);
}
