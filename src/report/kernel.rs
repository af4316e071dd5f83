//! The kernel's part of the document.

use crate::model::PerFamily;
use crate::model::snapshot::{KernelView, RouteSummary, Tunnel};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// What was read, or why it could not be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub enum Part<T> {
    Failed { error: String },
    Read(T),
}

impl<T> Part<T> {
    fn of<S>(result: &Result<S, String>, read: impl FnOnce(&S) -> T) -> Self {
        match result {
            Ok(value) => Part::Read(read(value)),
            Err(error) => Part::Failed {
                error: error.clone(),
            },
        }
    }
}

/// A value for each family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct Families<T> {
    #[serde(rename = "4")]
    pub v4: T,
    #[serde(rename = "6")]
    pub v6: T,
}

impl<T> From<PerFamily<T>> for Families<T> {
    fn from(PerFamily { v4, v6 }: PerFamily<T>) -> Self {
        Families { v4, v6 }
    }
}

/// The kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct KernelReport {
    pub routes: Part<RoutesReport>,
    pub tunnels: Part<Vec<TunnelReport>>,
    pub forwarding: Part<Families<Option<bool>>>,
}

/// Routes, counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct RoutesReport {
    pub bird_routes: Families<u64>,
    pub pod_routes: Vec<PodRoutesReport>,
    pub foreign_blackholes: Vec<IpNet>,
}

/// Pod routes of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct PodRoutesReport {
    pub ip_version: String,
    pub encapsulation: String,
    pub origin: String,
    pub count: u64,
}

/// One tunnel device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct TunnelReport {
    pub device: String,
    pub kind: String,
    pub up: bool,
    pub mtu: Option<u32>,
    pub largest_fitting_mtu: Option<u32>,
    pub routes: Families<u64>,
    pub used_lately: bool,
    pub tx_packets: Option<u64>,
    pub rx_packets: Option<u64>,
}

impl KernelReport {
    /// With `most` blackholes at most.
    pub(super) fn new(kernel: &KernelView, most: usize) -> Self {
        KernelReport {
            routes: Part::of(&kernel.routes, |routes| RoutesReport::new(routes, most)),
            tunnels: Part::of(&kernel.tunnels, |tunnels| {
                tunnels.iter().map(TunnelReport::from).collect()
            }),
            forwarding: Part::of(&kernel.forwarding, |forwarding| {
                PerFamily::new(|family| forwarding[family].enabled).into()
            }),
        }
    }
}

impl RoutesReport {
    fn new(routes: &RouteSummary, most: usize) -> Self {
        let counted = routes.pod_routes.iter();
        let foreign = routes.foreign_blackholes.values().flatten().flatten();
        RoutesReport {
            bird_routes: routes.bird_routes.into(),
            pod_routes: counted
                .map(
                    |((version, encapsulation, origin), count)| PodRoutesReport {
                        ip_version: version.as_str().into(),
                        encapsulation: encapsulation.as_str().into(),
                        origin: origin.as_str().into(),
                        count: *count,
                    },
                )
                .collect(),
            foreign_blackholes: foreign.copied().take(most).collect(),
        }
    }
}

impl From<&Tunnel> for TunnelReport {
    fn from(tunnel: &Tunnel) -> Self {
        TunnelReport {
            device: tunnel.device.clone(),
            kind: tunnel.kind.as_str().into(),
            up: tunnel.up,
            mtu: tunnel.seen.map(|(mtu, _)| mtu),
            largest_fitting_mtu: tunnel.largest_fitting_mtu,
            routes: tunnel.routes.into(),
            used_lately: tunnel.used_lately,
            tx_packets: tunnel.seen.map(|(_, stats)| stats.tx_packets),
            rx_packets: tunnel.seen.map(|(_, stats)| stats.rx_packets),
        }
    }
}
