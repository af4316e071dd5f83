//! The text of the sessions' series. They are most of an exposition and hardly ever change, so the text of each session
//! is kept, and written again only where a sample has another value: one peer that flaps costs its own lines.
//!
//! prometheus-client writes every line. Those of one family are written together and then given to their sessions: a
//! sample is a line, and a line break in a label value is escaped.

use super::collector::MetricsWriter;
use super::families::{Kind, MetricFamily};
use super::series::Value;
use super::session_samples::{FAMILIES, Samples, SessionFamily, Values};
use super::{Detail, Format, Labels, bgp, write_families};
use crate::model::session::{JudgedSession, PeerType};
use crate::model::snapshot::Snapshot;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use std::fmt::{self, Write};
use std::net::IpAddr;

/// So many sessions are written together, so that those of a large mesh are not all in memory twice.
const TOGETHER: usize = 256;

/// Beyond so many sessions no text is kept: it takes 1.5 kB a session.
const MOST_KEPT: usize = 5_000;

/// The sessions that were last written, in their order.
#[derive(Debug, Default)]
pub(super) struct SessionTexts(Vec<SessionText>);

#[derive(Debug)]
struct SessionText {
    identity: Identity,
    values: Values,
    /// The lines of all families, one after the other.
    text: Box<str>,
    /// Where those of each family end.
    ends: [u32; FAMILIES.len()],
}

/// What the labels begin with, but for the node.
#[derive(Debug, Clone, PartialEq)]
struct Identity {
    neighbor: IpAddr,
    peer_type: PeerType,
    name: String,
}

/// A session whose values have changed.
struct Changed {
    place: usize,
    values: Values,
    /// Its lines in each family, where those are others.
    texts: [Option<String>; FAMILIES.len()],
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
        if shown.len() > MOST_KEPT {
            self.0 = Vec::new();
            return write_all(&shown, labels, detail, format, out);
        }
        self.0.truncate(shown.len());
        let mut changed = Vec::new();
        for (place, session) in shown.iter().enumerate() {
            let values = Values::of(session, detail.update_stats);
            if !self.has(place, session, &values) {
                changed.push(Changed {
                    place,
                    values,
                    texts: Default::default(),
                });
            }
            if changed.len() == TOGETHER || place + 1 == shown.len() {
                for (index, family) in FAMILIES.iter().enumerate() {
                    self.update(index, family, &mut changed, labels)?;
                }
                changed.drain(..).for_each(|changed| self.keep(changed));
            }
        }
        for (index, family) in FAMILIES.iter().enumerate() {
            let mut texts = self.0.iter().map(|kept| kept.of_family(index));
            if texts.clone().any(|text| !text.is_empty()) {
                write_header(family.family, labels, format, out)?;
                texts.try_for_each(|text| out.write_str(text))?;
            }
        }
        Ok(())
    }

    /// Whether the text at `place` is that of these values; an empty one is made for a session that is new there.
    fn has(&mut self, place: usize, judged: &JudgedSession, values: &Values) -> bool {
        let session = &judged.session;
        let is_of = |kept: &SessionText| {
            kept.identity.neighbor == session.neighbor
                && kept.identity.peer_type == session.peer_type
                && kept.identity.name == session.name
        };
        if let Some(kept) = self.0.get(place).filter(|kept| is_of(kept)) {
            return kept.values == *values;
        }
        let new = SessionText {
            identity: Identity::of(judged),
            values: Values::default(),
            text: Box::default(),
            ends: Default::default(),
        };
        match self.0.get_mut(place) {
            Some(kept) => *kept = new,
            None => self.0.push(new),
        }
        false
    }

    /// Writes the lines of one family anew for the sessions whose samples have changed.
    fn update(
        &self,
        index: usize,
        family: &'static SessionFamily,
        changed: &mut [Changed],
        labels: &Labels,
    ) -> fmt::Result {
        let mut before = Samples::new();
        let mut rewritten = Vec::new();
        let mut sessions = Vec::new();
        for one in changed {
            let kept = &self.0[one.place];
            let mut samples = Samples::new();
            (family.sample)(&one.values, &mut samples);
            before.clear();
            if !kept.text.is_empty() {
                (family.sample)(&kept.values, &mut before);
            }
            if samples != before {
                rewritten.push((one, samples.len()));
                sessions.push((kept.identity.clone(), samples));
            }
        }
        if rewritten.is_empty() {
            return Ok(());
        }
        let written = lines(family.family, labels, sessions)?;
        let mut lines = written.split_inclusive('\n');
        for (changed, count) in rewritten {
            changed.texts[index] = Some(lines.by_ref().take(count).collect());
        }
        Ok(())
    }

    fn keep(&mut self, changed: Changed) {
        let kept = &mut self.0[changed.place];
        let mut text = String::with_capacity(kept.text.len());
        let mut ends = [0; FAMILIES.len()];
        for (index, new) in changed.texts.iter().enumerate() {
            text.push_str(new.as_deref().unwrap_or(kept.of_family(index)));
            ends[index] = text.len() as u32;
        }
        kept.values = changed.values;
        kept.text = text.into_boxed_str();
        kept.ends = ends;
    }
}

impl SessionText {
    fn of_family(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[index] as usize]
    }
}

impl Identity {
    fn of(judged: &JudgedSession) -> Self {
        let session = &judged.session;
        Identity {
            neighbor: session.neighbor,
            peer_type: session.peer_type,
            name: session.name.clone(),
        }
    }
}

/// Writes the families of these sessions without keeping any text.
fn write_all(
    shown: &[&JudgedSession],
    labels: &Labels,
    detail: Detail,
    format: Format,
    out: &mut impl Write,
) -> fmt::Result {
    for family in &FAMILIES {
        let mut has_header = false;
        for some in shown.chunks(TOGETHER) {
            let mut sessions = Vec::with_capacity(some.len());
            for session in some {
                let mut samples = Samples::new();
                (family.sample)(&Values::of(session, detail.update_stats), &mut samples);
                if !samples.is_empty() {
                    sessions.push((Identity::of(session), samples));
                }
            }
            if sessions.is_empty() {
                continue;
            }
            if !has_header {
                write_header(family.family, labels, format, out)?;
                has_header = true;
            }
            out.write_str(&lines(family.family, labels, sessions)?)?;
        }
    }
    Ok(())
}

/// The lines of these sessions in one family, without its header. They are the same in both formats.
fn lines(
    family: &'static MetricFamily,
    labels: &Labels,
    sessions: Vec<(Identity, Samples)>,
) -> Result<String, fmt::Error> {
    let collector = Lines {
        family,
        labels: labels.clone(),
        sessions,
    };
    let mut written = String::new();
    write_families(Box::new(collector), Format::Text, &mut written)?;
    let header: usize = written
        .split_inclusive('\n')
        .take_while(|line| line.starts_with('#'))
        .map(str::len)
        .sum();
    written.drain(..header);
    Ok(written)
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
