//! The text of sessions that is kept between expositions is never older than their values.

use super::*;
use calico_bgp_exporter::model::session::{BgpState, DownReason, RouteCounts};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What may happen to a session between two collections.
#[derive(Debug, Clone)]
enum Change {
    Nothing,
    Up(u64),
    Down(u8),
    Connecting(bool),
    Lost(u64),
    Since(i64),
    Source(u8),
    Renamed(String),
    Removed,
    Swapped(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Nothing),
        (0..3u64).prop_map(Change::Up),
        any::<u8>().prop_map(Change::Down),
        any::<bool>().prop_map(Change::Connecting),
        (0..3u64).prop_map(Change::Lost),
        (0..3i64).prop_map(Change::Since),
        any::<u8>().prop_map(Change::Source),
        "[a-z\n\"\\\\]{1,4}".prop_map(Change::Renamed),
        Just(Change::Removed),
        (0..8usize).prop_map(Change::Swapped),
    ]
}

fn apply(snapshot: &mut Snapshot, place: usize, change: &Change) {
    let Some(view) = snapshot.daemons.first_mut() else {
        return;
    };
    let view = Arc::make_mut(view);
    if view.sessions.is_empty() {
        return;
    }
    let place = place % view.sessions.len();
    let reasons = [
        None,
        Some(DownReason::ConnectTimeout),
        Some(DownReason::Cease),
    ];
    let judged = &mut view.sessions[place];
    match change {
        Change::Nothing => {}
        Change::Up(routes) => {
            judged.up = true;
            judged.reason = None;
            Arc::make_mut(&mut judged.session).bgp_state = BgpState::Established;
            Arc::make_mut(&mut judged.session).routes = Some(RouteCounts {
                imported: Some(*routes),
                ..RouteCounts::default()
            });
        }
        Change::Down(reason) => {
            judged.up = false;
            judged.reason = reasons[usize::from(*reason) % 3];
            judged.loss_reason = reasons[usize::from(*reason) / 3 % 3];
        }
        Change::Connecting(active) => {
            Arc::make_mut(&mut judged.session).bgp_state = match active {
                true => BgpState::Active,
                false => BgpState::Connect,
            };
        }
        Change::Lost(count) => judged.losses = *count,
        Change::Since(seconds) => judged.since = Some(UnixTime::from_secs(*seconds)),
        Change::Source(last) => {
            Arc::make_mut(&mut judged.session).source_address = Some([10, 0, 3, *last].into());
        }
        Change::Renamed(name) => Arc::make_mut(&mut judged.session).name.clone_from(name),
        Change::Removed => drop(view.sessions.remove(place)),
        Change::Swapped(other) => {
            let other = other % view.sessions.len();
            view.sessions.swap(place, other);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn an_exposition_is_that_of_a_new_process(
        steps in prop::collection::vec((0..8usize, change()), 1..24),
        open_metrics in any::<bool>(),
        detail in prop::sample::select(vec![DetailLevel::All, DetailLevel::Unhealthy]),
    ) {
        let detail = Detail { peer_detail: detail, ..EVERYTHING };
        let format = if open_metrics { Format::OpenMetrics } else { Format::Text };
        let kept = Renderer::new(fixture::labels(), detail);
        let mut snapshot = fixture::mesh(6, Some(2));
        for (place, change) in steps {
            apply(&mut snapshot, place, &change);
            let now = fixture::AT;
            let shared = Arc::new(snapshot.clone());
            let text = |renderer: &Renderer| {
                let mut out = String::new();
                renderer.render(&shared, now, format, &mut out).unwrap();
                let series = out.lines().filter(|line| !line.starts_with("process_"));
                series.map(|line| format!("{line}\n")).collect::<String>()
            };
            let new = Renderer::new(fixture::labels(), detail);
            prop_assert_eq!(text(&kept), text(&new));
        }
    }
}

/// The lines of single sessions, by family.
fn session_lines(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut families: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| line.contains("protocol=")) {
        let name = line.split('{').next().unwrap_or(line);
        families.entry(name).or_default().push(line);
    }
    families
}

/// Of very many sessions no text is kept: what is written says the same, in the same order.
#[test]
fn very_many_sessions_are_written_alike() {
    for format in [Format::Text, Format::OpenMetrics] {
        let many = fixture::mesh(5_002, Some(7));
        let part = |range: std::ops::Range<usize>| {
            let mut part = many.clone();
            let view = Arc::make_mut(&mut part.daemons[0]);
            view.sessions = view.sessions[range].to_vec();
            text(part, EVERYTHING, format)
        };
        let (first, second) = (part(0..2_500), part(2_500..5_002));
        let all = text(many.clone(), EVERYTHING, format);
        let mut expected = session_lines(&first);
        for (name, lines) in session_lines(&second) {
            expected.entry(name).or_default().extend(lines);
        }
        assert!(expected.len() > 8);
        assert!(session_lines(&all) == expected);
        let comments = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.starts_with('#'));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(comments(&all), comments(&first));
    }
}
