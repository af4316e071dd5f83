//! The text of the sessions' series. They are most of an exposition and hardly ever change, so the text of each session
//! is kept, and written again only where a sample has another value: one peer that flaps costs its own lines.
//!
//! prometheus-client writes every line. Those of one family are written together and then given to their sessions: a
//! sample is a line, and a line break in a label value is escaped.

use super::collector::MetricsWriter;
use super::families::{Kind, MetricFamily};
use super::series::Value;
use super::session_samples::{FAMILIES, Samples, SessionFamily};
use super::{Detail, Format, Labels, bgp, write_families};
use crate::model::session::{JudgedSession, PeerType};
use crate::model::snapshot::Snapshot;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use std::fmt::{self, Write};
use std::net::IpAddr;

/// The sessions that were last written, in their order.
#[derive(Debug, Default)]
pub(super) struct SessionTexts(Vec<SessionText>);

#[derive(Debug)]
struct SessionText {
    identity: Identity,
    families: Vec<FamilyText>,
}

/// What the labels begin with, but for the node.
#[derive(Debug, Clone, PartialEq)]
struct Identity {
    neighbor: IpAddr,
    peer_type: PeerType,
    name: String,
}

/// A session's samples of one family, and their lines.
#[derive(Debug, Default)]
struct FamilyText {
    samples: Samples,
    text: String,
}

impl SessionTexts {
    /// Writes the families of single sessions.
    pub(super) fn write(
        &mut self,
        snapshot: &Snapshot,
        labels: &Labels,
        detail: Detail,
        format: Format,
        out: &mut impl Write,
    ) -> fmt::Result {
        let shown = bgp::shown(snapshot, detail.peer_detail);
        self.0.truncate(shown.len());
        for (place, session) in shown.iter().enumerate() {
            self.keep_place(place, session);
        }
        for (index, family) in FAMILIES.iter().enumerate() {
            if family.is_update_stats && !detail.update_stats {
                continue;
            }
            self.update(index, family, &shown, labels)?;
            if self
                .0
                .iter()
                .any(|session| !session.families[index].text.is_empty())
            {
                write_header(family.family, labels, format, out)?;
            }
            for session in &self.0 {
                out.write_str(&session.families[index].text)?;
            }
        }
        Ok(())
    }

    /// The text at `place` is that of `session`, or empty.
    fn keep_place(&mut self, place: usize, judged: &JudgedSession) {
        let session = &judged.session;
        let same = |of: &Identity| {
            of.neighbor == session.neighbor
                && of.peer_type == session.peer_type
                && of.name == session.name
        };
        if self.0.get(place).is_some_and(|kept| same(&kept.identity)) {
            return;
        }
        let new = SessionText {
            identity: Identity {
                neighbor: session.neighbor,
                peer_type: session.peer_type,
                name: session.name.clone(),
            },
            families: FAMILIES.iter().map(|_| FamilyText::default()).collect(),
        };
        match self.0.get_mut(place) {
            Some(kept) => *kept = new,
            None => self.0.push(new),
        }
    }

    /// Writes the lines of one family anew for the sessions whose samples have changed.
    fn update(
        &mut self,
        index: usize,
        family: &'static SessionFamily,
        shown: &[&JudgedSession],
        labels: &Labels,
    ) -> fmt::Result {
        let mut samples = Samples::new();
        let mut changed = Vec::new();
        let mut sessions = Vec::new();
        for (kept, session) in self.0.iter_mut().zip(shown) {
            samples.clear();
            (family.sample)(session, &mut samples);
            let known = &mut kept.families[index];
            if known.samples != samples {
                known.samples.clone_from(&samples);
                sessions.push((kept.identity.clone(), samples.clone()));
                changed.push(known);
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let collector = Lines {
            family: family.family,
            labels: labels.clone(),
            sessions,
        };
        let mut written = String::new();
        write_families(Box::new(collector), Format::Text, &mut written)?;
        let mut lines = written
            .split_inclusive('\n')
            .skip_while(|line| line.starts_with('#'));
        for known in changed {
            known.text.clear();
            known.text.extend(lines.by_ref().take(known.samples.len()));
        }
        Ok(())
    }
}

/// The series of some sessions in one family; without sessions its header alone.
#[derive(Debug)]
struct Lines {
    family: &'static MetricFamily,
    labels: Labels,
    sessions: Vec<(Identity, Samples)>,
}

impl Collector for Lines {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut out = MetricsWriter::new(&mut encoder, &self.labels);
        let node = out.node();
        let mut series = out.family(self.family);
        if self.sessions.is_empty() {
            return series.header();
        }
        for (identity, samples) in &self.sessions {
            let peer = identity.neighbor.to_string();
            let family = crate::model::Family::from(identity.neighbor);
            let common: [Value; 5] = [
                node,
                peer.as_str().into(),
                identity.peer_type.as_str().into(),
                family.as_str().into(),
                identity.name.as_str().into(),
            ];
            for sample in samples {
                match self.family.kind {
                    Kind::Gauge => series.gauge_of(&common, sample.labels(), sample.value)?,
                    Kind::Counter => series.counter_of(&common, sample.labels(), sample.value)?,
                    Kind::Info => series.info_of(&common, sample.labels())?,
                }
            }
        }
        Ok(())
    }
}

fn write_header(
    family: &'static MetricFamily,
    labels: &Labels,
    format: Format,
    out: &mut impl Write,
) -> fmt::Result {
    let header = Lines {
        family,
        labels: labels.clone(),
        sessions: Vec::new(),
    };
    write_families(Box::new(header), format, out)
}
