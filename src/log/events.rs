//! The line of each event.

use crate::assess::sessions::events::{Event, PodsChange};
use crate::model::session::DownReason;
use tracing::{info, warn};

/// One line.
pub fn event(event: &Event) {
    match event {
        Event::Session {
            peer,
            protocol,
            from,
            to,
            reason,
            loss_reason,
            detail,
        } => {
            let detail = detail.as_deref().unwrap_or_default();
            let word = |reason: &Option<DownReason>| reason.map_or("", DownReason::as_str);
            let (reason, loss_reason) = (word(reason), word(loss_reason));
            if reason.is_empty() && detail.is_empty() {
                info!(%peer, protocol, from, to, "BGP session changed");
            } else {
                warn!(%peer, protocol, from, to, reason, loss_reason, detail, "BGP session changed");
            }
        }
        Event::MoreSessions { count } => {
            warn!(count, "more BGP sessions changed at the same time");
        }
        Event::Configured {
            protocols,
            count,
            present,
        } => {
            let protocols = protocols.join(" ");
            if *present {
                info!(count, protocols, "BGP sessions configured");
            } else {
                info!(count, protocols, "BGP sessions left the configuration");
            }
        }
        Event::Daemon {
            socket,
            up: true,
            detail,
        } => info!(socket, detail, "BIRD answers"),
        Event::Daemon {
            socket,
            up: false,
            detail,
        } => warn!(socket, detail, "BIRD does not answer"),
        Event::RouteTable {
            socket,
            error: Some(detail),
        } => warn!(
            socket,
            detail, "BIRD's route table could not be read: pod CIDRs are not judged"
        ),
        Event::RouteTable {
            socket,
            error: None,
        } => info!(socket, "BIRD's route table can be read again"),
        Event::Restarted { socket } => warn!(socket, "BIRD was restarted"),
        Event::Recovery {
            socket,
            active: true,
        } => {
            warn!(
                socket,
                "graceful-restart recovery began: no route reaches the kernel until it ends"
            );
        }
        Event::Recovery {
            socket,
            active: false,
        } => info!(socket, "graceful-restart recovery ended"),
        Event::Pods {
            cidrs,
            count,
            change,
        } => {
            let cidrs: Vec<String> = cidrs.iter().map(|pod| pod.cidr.to_string()).collect();
            let cidrs = cidrs.join(" ");
            match change {
                PodsChange::Missing => warn!(count, cidrs, "pod CIDR routes are missing"),
                PodsChange::Back => info!(count, cidrs, "pod CIDR routes are back"),
                PodsChange::NotExpected => {
                    info!(count, cidrs, "missing pod CIDRs are not expected any more");
                }
            }
        }
        Event::Kernel {
            source,
            error: Some(detail),
        } => warn!(source, detail, "kernel could not be read"),
        Event::Kernel {
            source,
            error: None,
        } => info!(source, "kernel can be read again"),
        Event::Tunnel { device, up: true } => info!(device, "tunnel is up"),
        Event::Tunnel { device, up: false } => warn!(device, "tunnel is down"),
        Event::Undecodable { count } => {
            warn!(count, "messages of the kernel could not be decoded");
        }
    }
}
