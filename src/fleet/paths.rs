//! What probes say of the paths between pods: the broken ones, from their metrics.

use super::{AskErrorKind, CONNECTIONS, Client, ONE};
use crate::model::node_name::is_node_name;
use futures_util::stream::{self, StreamExt};
use std::net::{IpAddr, SocketAddr};
use tokio::time::Instant;

/// The family that says whether a path is up.
const PATH_UP: &str = "calico_pod_path_up{";
/// A probe has this one from its start on.
const PATHS: &str = "calico_pod_paths{";

/// A path between pods of two nodes on which nothing arrives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokenPath {
    /// Name of the node whose probe says so.
    pub node: String,
    /// Name of the other node; its address where the name is not known.
    pub peer_node: String,
    /// Address of the other node.
    pub peer: IpAddr,
}

/// The broken paths that a probe tells, or why it could not be asked.
pub type ProbeAnswer = Result<Vec<BrokenPath>, AskErrorKind>;

/// Asks every probe for its metrics, until `deadline`.
pub async fn ask_probes(
    client: &Client,
    probes: &[SocketAddr],
    deadline: Instant,
) -> Vec<(SocketAddr, ProbeAnswer)> {
    let answers = stream::iter(probes)
        .map(async |probe| {
            let until = deadline.min(Instant::now() + ONE);
            let answer = client.ask_probe(*probe, until).await;
            let broken = answer
                .map_err(|error| error.kind)
                .and_then(|text| broken_paths(&text).ok_or(AskErrorKind::Unusable));
            (*probe, broken)
        })
        .buffer_unordered(CONNECTIONS);
    answers.collect().await
}

/// The broken paths in the metrics of a probe; `None` for those of another program, and where one is not understood.
pub fn broken_paths(text: &str) -> Option<Vec<BrokenPath>> {
    text.lines().find(|line| line.starts_with(PATHS))?;
    let paths = text.lines().filter_map(|line| line.strip_prefix(PATH_UP));
    let paths: Option<Vec<Option<BrokenPath>>> = paths.map(broken_path).collect();
    Some(paths?.into_iter().flatten().collect())
}

/// One series, without its name: `node="n1",peer="10.0.3.2",peer_node="n2",ip_version="4"} 0`. `None` where it is not
/// understood.
fn broken_path(series: &str) -> Option<Option<BrokenPath>> {
    let (labels, value) = series.rsplit_once("} ")?;
    match value.trim() {
        "1" => return Some(None),
        "0" => {}
        _ => return None,
    }
    // No label value here has a quote: names of nodes are DNS names, the others addresses and numbers.
    let parts: Vec<&str> = labels.split('"').collect();
    let value_of = |name: &str| {
        let mut pairs = parts.chunks_exact(2);
        let pair = pairs.find(|pair| pair[0].trim_matches([',', '=']) == name)?;
        Some(pair[1])
    };
    let peer = value_of("peer")?;
    let named = |name: &str| is_node_name(name).then(|| name.to_owned());
    Some(Some(BrokenPath {
        node: named(value_of("node")?)?,
        peer_node: match value_of("peer_node") {
            None | Some("") => peer.to_owned(),
            Some(name) => named(name)?,
        },
        peer: peer.parse().ok()?,
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;

    #[test]
    fn broken_paths_are_read_from_the_metrics_of_a_probe() {
        let text = "# TYPE calico_pod_path_up gauge\n\
            calico_pod_path_up{node=\"n1\",peer=\"10.0.3.2\",peer_node=\"n2\",ip_version=\"4\"} 0\n\
            calico_pod_path_up{node=\"n1\",peer=\"10.0.3.3\",peer_node=\"n3\",ip_version=\"4\"} 1\n\
            calico_pod_path_up{node=\"n1\",peer=\"fd00::9\",peer_node=\"\",ip_version=\"6\"} 0\n\
            calico_pod_paths{node=\"n1\",ip_version=\"4\",state=\"up\"} 1\n";
        let found = broken_paths(text).unwrap();
        let path = |peer_node: &str, peer: &str| BrokenPath {
            node: "n1".into(),
            peer_node: peer_node.into(),
            peer: peer.parse().unwrap(),
        };
        assert_eq!(found, [path("n2", "10.0.3.2"), path("fd00::9", "fd00::9")]);
        assert_eq!(broken_paths("node_load1 0.5\n"), None);
        // Not understood is not healthy.
        for series in [
            "{node=\"n1\",peer=\"?\",peer_node=\"\",ip_version=\"6\"} 0",
            "{node=\"a\\\"b\",peer=\"10.0.3.2\",peer_node=\"n2\",ip_version=\"4\"} 0",
            "{node=\"n1\",peer=\"10.0.3.2\",peer_node=\"n2\",ip_version=\"4\"} NaN",
            "{node=\"n1\"",
        ] {
            let text = format!("{text}calico_pod_path_up{series}\n");
            assert_eq!(broken_paths(&text), None, "{series}");
        }
        let long = format!(
            "calico_pod_paths{{}} 1\n\
             calico_pod_path_up{{node=\"{0}\",peer=\"::1\",peer_node=\"{0}\",ip_version=\"6\"}} 0\n",
            "n".repeat(1_000_000)
        );
        assert_eq!(broken_paths(&long), None);
    }
}
