//! The two tables: sessions and pod routes, those in trouble first.

use super::words::{Ago, Escaped, Maybe, Utc};
use crate::model::pod_cidr::{Fallthrough, PodCidr};
use crate::model::session::{BgpState, JudgedSession};
use crate::model::snapshot::Snapshot;
use std::fmt::{self, Write};

/// Rows of a table: a page of some 20,000 sessions stays below a megabyte.
const ROWS: usize = 1000;

/// Says how many were not shown.
pub(super) fn more(html: &mut String, total: usize, shown: usize) -> fmt::Result {
    if total > shown {
        writeln!(html, "<p class=\"soft\">and {} more</p>", total - shown)?;
    }
    Ok(())
}

pub(super) fn sessions(html: &mut String, snapshot: &Snapshot) -> fmt::Result {
    if snapshot.daemons.is_empty() {
        return Ok(());
    }
    let mut sessions: Vec<&JudgedSession> =
        snapshot.daemons.iter().flat_map(|d| &d.sessions).collect();
    sessions.sort_by_key(|judged| judged.up);
    let up = sessions.iter().filter(|judged| judged.up).count();
    writeln!(html, "<h2>BGP sessions: {up} of {} up</h2>", sessions.len())?;
    if sessions.is_empty() {
        return writeln!(html, "<p>No session.</p>");
    }
    writeln!(
        html,
        "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Peer</th><th scope=\"col\">Type</th>\
         <th scope=\"col\">AS</th><th scope=\"col\">State</th><th scope=\"col\">Since</th>\
         <th scope=\"col\" class=\"n\">Routes in</th><th scope=\"col\" class=\"n\">out</th>\
         <th scope=\"col\">Why down</th></tr></thead>\n<tbody>"
    )?;
    for judged in sessions.iter().take(ROWS) {
        session(html, judged, snapshot)?;
    }
    writeln!(html, "</tbody></table></div>")?;
    more(html, sessions.len(), ROWS)
}

fn session(html: &mut String, judged: &JudgedSession, snapshot: &Snapshot) -> fmt::Result {
    let session = &judged.session;
    let (class, word) = if judged.up {
        ("good", "up")
    } else {
        ("bad", "down")
    };
    write!(
        html,
        "<tr><td title=\"{}\">{}</td><td>{}</td><td>{}</td><td><span class=\"{class}\">{word}</span> {}</td>",
        Escaped(&session.name),
        session.neighbor,
        session.peer_type.as_str(),
        Maybe(session.neighbor_as),
        match session.bgp_state {
            BgpState::Down => "",
            state => state.as_str(),
        },
    )?;
    match judged.since {
        Some(since) => write!(
            html,
            "<td class=\"t\" title=\"{}\">{}</td>",
            Utc(since),
            Ago(snapshot.at.since(since))
        )?,
        None => write!(html, "<td>–</td>")?,
    }
    let routes = session.routes.filter(|_| judged.up);
    write!(
        html,
        "<td class=\"n\">{}</td><td class=\"n\">{}</td><td>",
        Maybe(routes.and_then(|routes| routes.imported)),
        Maybe(routes.and_then(|routes| routes.exported)),
    )?;
    if let Some(reason) = judged.reason.filter(|_| !judged.up) {
        write!(html, "{}", reason.as_str().replace('_', " "))?;
        for said in [&session.last_error, &session.message]
            .into_iter()
            .flatten()
        {
            write!(html, " <span class=\"soft\">({})</span>", Escaped(said))?;
        }
    }
    writeln!(html, "</td></tr>")
}

pub(super) fn pods(html: &mut String, snapshot: &Snapshot) -> fmt::Result {
    let Some(presence) = &snapshot.presence else {
        return writeln!(
            html,
            "<h2>Pod routes</h2>\n<p>Not known: the routes, or what to expect, could not be read.</p>"
        );
    };
    let mut cidrs: Vec<&PodCidr> = presence.cidrs.iter().collect();
    cidrs.sort_by_key(|pod| pod.absent.is_none() && pod.mismatch != Some(true));
    let present = cidrs.iter().filter(|pod| pod.absent.is_none()).count();
    writeln!(
        html,
        "<h2>Pod routes: {present} of {} present</h2>",
        cidrs.len()
    )?;
    if cidrs.is_empty() {
        return writeln!(html, "<p>No pod CIDR of another node is expected.</p>");
    }
    writeln!(
        html,
        "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">CIDR</th><th scope=\"col\">Owner</th>\
         <th scope=\"col\">Route</th><th scope=\"col\">Encapsulation</th><th scope=\"col\">Device</th>\
         <th scope=\"col\">Gateway</th><th scope=\"col\">By</th></tr></thead>\n<tbody>"
    )?;
    for pod in cidrs.iter().take(ROWS) {
        self::pod(html, pod)?;
    }
    writeln!(html, "</tbody></table></div>")?;
    let left_out = presence.left_out.total();
    more(html, cidrs.len() + left_out as usize, cidrs.len().min(ROWS))
}

fn pod(html: &mut String, pod: &PodCidr) -> fmt::Result {
    write!(
        html,
        "<tr><td>{}</td><td>{}</td><td>",
        pod.expected.cidr,
        Maybe(pod.expected.owner)
    )?;
    match pod.absent {
        None => write!(html, "<span class=\"good\">present</span></td>")?,
        Some(via) => {
            let instead = match via {
                Fallthrough::Default => "the default route takes it",
                Fallthrough::Shorter => "a shorter route takes it",
                Fallthrough::Blackhole => "a blackhole drops it",
                Fallthrough::Unreachable => "unreachable",
                Fallthrough::LinkDown => "its device is down",
                Fallthrough::Foreign => "another program's route takes it",
                Fallthrough::None => "no route at all",
            };
            write!(html, "<span class=\"bad\">absent</span>: {instead}</td>")?;
        }
    }
    let Some(reached) = &pod.reached else {
        return writeln!(html, "<td>–</td><td>–</td><td>–</td><td>–</td></tr>");
    };
    let mismatch = match pod.mismatch {
        Some(true) => " <span class=\"warning\">not as expected</span>",
        _ => "",
    };
    writeln!(
        html,
        "<td>{}{mismatch}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        reached.encapsulation.as_str(),
        Escaped(&reached.device),
        Maybe(reached.gateway),
        reached.origin.as_str(),
    )
}
