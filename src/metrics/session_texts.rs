//! The text of the sessions' series. They are most of an exposition and hardly ever change, so the text of each family is
//! kept, and in it the lines of a session are written again only where a sample has another value: one peer that flaps
//! costs its own lines.
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

/// What was written last.
#[derive(Debug, Default)]
pub(super) struct SessionTexts {
    /// In the order of the exposition.
    sessions: Vec<Written>,
    families: [FamilyText; FAMILIES.len()],
}

/// A session as it was written.
#[derive(Debug)]
struct Written {
    identity: Identity,
    values: Values,
}

/// The lines of all sessions in one family.
#[derive(Debug, Default)]
struct FamilyText {
    text: String,
    /// Where those of each session end.
    ends: Vec<u32>,
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
    /// Another session was written there before, or none.
    is_new: bool,
    values: Values,
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
            *self = SessionTexts::default();
            return write_all(&shown, labels, detail, format, out);
        }
        self.sessions.truncate(shown.len());
        for family in &mut self.families {
            family.truncate(shown.len());
        }
        let mut changed = Vec::new();
        for (place, session) in shown.iter().enumerate() {
            let values = Values::of(session, detail.update_stats);
            if let Some(is_new) = self.differs(place, session, &values) {
                changed.push(Changed {
                    place,
                    is_new,
                    values,
                });
            }
            if changed.len() == TOGETHER || place + 1 == shown.len() {
                for (index, family) in FAMILIES.iter().enumerate() {
                    self.update(index, family, &changed, labels)?;
                }
                for Changed { place, values, .. } in changed.drain(..) {
                    self.sessions[place].values = values;
                }
            }
        }
        for (family, written) in FAMILIES.iter().zip(&self.families) {
            if !written.text.is_empty() {
                write_header(family.family, labels, format, out)?;
                out.write_str(&written.text)?;
            }
        }
        Ok(())
    }

    /// Whether other values were written at `place`, and if so, whether of another session. That one is forgotten.
    fn differs(&mut self, place: usize, judged: &JudgedSession, values: &Values) -> Option<bool> {
        let session = &judged.session;
        let is_of = |written: &Written| {
            written.identity.neighbor == session.neighbor
                && written.identity.peer_type == session.peer_type
                && written.identity.name == session.name
        };
        if let Some(written) = self.sessions.get(place).filter(|written| is_of(written)) {
            return (written.values != *values).then_some(false);
        }
        let new = Written {
            identity: Identity::of(judged),
            values: Values::default(),
        };
        match self.sessions.get_mut(place) {
            Some(written) => *written = new,
            None => self.sessions.push(new),
        }
        Some(true)
    }

    /// Writes the lines of one family anew for the sessions whose samples have changed.
    fn update(
        &mut self,
        index: usize,
        family: &'static SessionFamily,
        changed: &[Changed],
        labels: &Labels,
    ) -> fmt::Result {
        let mut before = Samples::new();
        let mut rewritten = Vec::new();
        let mut sessions = Vec::new();
        for one in changed {
            let written = &self.sessions[one.place];
            let mut samples = Samples::new();
            (family.sample)(&one.values, &mut samples);
            before.clear();
            if !one.is_new {
                (family.sample)(&written.values, &mut before);
            }
            if one.is_new || samples != before {
                rewritten.push((one.place, samples.len()));
                sessions.push((written.identity.clone(), samples));
            }
        }
        if rewritten.is_empty() {
            return Ok(());
        }
        let written = lines(family.family, labels, sessions)?;
        self.families[index].replace(&rewritten, &written);
        Ok(())
    }
}

impl FamilyText {
    fn truncate(&mut self, sessions: usize) {
        self.ends.truncate(sessions);
        self.text.truncate(self.start(self.ends.len()));
    }

    /// Where the lines of the session at `place` begin: at the end of those before.
    fn start(&self, place: usize) -> usize {
        place
            .checked_sub(1)
            .map_or(0, |before| self.ends[before] as usize)
    }

    /// Puts `lines` in the place of those of some sessions: to each so many as stand beside its place. The places rise, and
    /// none lies beyond the end but the next.
    fn replace(&mut self, rewritten: &[(usize, usize)], lines: &str) {
        let mut new = FamilyText {
            text: String::with_capacity(self.text.len() + lines.len()),
            ends: Vec::with_capacity(self.ends.len() + rewritten.len()),
        };
        let mut lines = lines.split_inclusive('\n');
        for (place, count) in rewritten {
            new.take(self, *place);
            new.text.extend(lines.by_ref().take(*count));
            new.ends.push(new.text.len() as u32);
        }
        new.take(self, self.ends.len());
        *self = new;
    }

    /// Takes over the lines of the sessions up to `place`.
    fn take(&mut self, old: &FamilyText, place: usize) {
        let (known, place) = (self.ends.len(), place.min(old.ends.len()));
        if known >= place {
            return;
        }
        let (start, moved) = (old.start(known), self.text.len());
        self.text.push_str(&old.text[start..old.start(place)]);
        let ends = old.ends[known..place].iter();
        self.ends
            .extend(ends.map(|end| (*end as usize - start + moved) as u32));
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
