#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use crate::model::Family;
use crate::model::session::{BgpState, PeerType, ProtocolState, RouteCounts, UpdateCounts};
use crate::model::time::Since;

fn read(text: &str) -> Result<Answer, Unusable> {
    let mut protocols = Protocols::new(true);
    let mut code = 0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix(' ') {
            protocols.line(code, rest.as_bytes());
        } else {
            code = line[..4].parse().unwrap();
            protocols.line(code, &line.as_bytes()[5..]);
        }
    }
    protocols.finish()
}

fn one(details: &str) -> Arc<Session> {
    let text = format!(
        "1002-Mesh_10_0_0_2 BGP master start 08:00:00 Idle\n1006-  Preference: 100\n{details}"
    );
    read(&text).unwrap().sessions.remove(0)
}

const BODY: &str = "   BGP state:          Active\n     Neighbor address: 10.0.0.2\n     Neighbor AS:      64512\n";

#[test]
fn free_text_never_poses_as_another_line() {
    let session = one(&format!(
        "   Description:    BGP state:          Established\n   Message:        Neighbor address: 192.0.2.1\n{BODY}"
    ));
    assert_eq!(session.bgp_state, BgpState::Active);
    assert_eq!(session.neighbor.to_string(), "10.0.0.2");
    assert_eq!(
        session.message.as_deref(),
        Some("Neighbor address: 192.0.2.1")
    );

    // A neighbour's host name stands deeper than BGP's own lines, and the first value holds.
    let session = one(&format!(
        "{BODY}       Hostname:     Neighbor AS:      1\n       Hostname: Session:          external\n     Neighbor AS:      2\n"
    ));
    assert_eq!(session.neighbor_as, Some(64512));
    assert_eq!(session.internal, None);

    // Before `BGP state:` nothing is BGP's.
    let session = one(&format!("     Neighbor address: 192.0.2.1\n{BODY}"));
    assert_eq!(session.neighbor.to_string(), "10.0.0.2");
}

#[test]
fn unknown_lines_and_words_cost_nothing_else() {
    let text = format!(
        "2002-name\n1002-Mesh_10_0_0_2 BGP master standby 08:00:00\n1006-  Mood: sunny\n{}     Weather:          fine\n1099-table of contents\n0000 ",
        BODY.replace("Active", "Reluctant")
    );
    let answer = read(&text).unwrap();
    assert_eq!(answer.unknown_lines, 4);
    let session = &answer.sessions[0];
    assert_eq!(
        (session.state, session.bgp_state),
        (ProtocolState::Other, BgpState::Idle)
    );
    assert_eq!(session.neighbor_as, Some(64512));
}

#[test]
fn what_makes_an_answer_unusable() {
    assert_eq!(read("2002-name\n0000 "), Err(Unusable::Empty));
    assert_eq!(read("1002-kernel1 Kernel\n0000 "), Err(Unusable::Row));
    let cut = read("1002-N BGP master up 08:00:00\n1006-  BGP state: Established\n0000 ");
    assert_eq!(
        cut,
        Err(Unusable::Incomplete("N".into(), "neighbour address"))
    );
    let cut = read(
        "1002-N BGP master up 08:00:00\n1006-  Preference: 100\n1002-d Device master up 08:00:00\n0000 ",
    );
    assert_eq!(cut, Err(Unusable::Incomplete("N".into(), "BGP state")));
    let many = "1002-p Pipe master up 08:00:00\n".repeat(MAX_PROTOCOLS + 1);
    assert_eq!(read(&many), Err(Unusable::TooMany));
    let session = format!("1002-N BGP master up 08:00:00\n1006-  Preference: 100\n{BODY}");
    assert_eq!(
        read(&session.repeat(MAX_PROTOCOLS + 1)),
        Err(Unusable::TooMany)
    );
}

#[test]
fn a_listener_is_no_session() {
    let answer = read(
        "1002-dyn BGP --- start 08:00:00 Passive\n1006-  BGP state:          Passive\n     Neighbor range:   10.0.9.0/24 onlink\n   Channel ipv6\n0000 ",
    )
    .unwrap();
    assert!(answer.sessions.is_empty());
    assert_eq!(answer.protocols[0].kind, "bgp");
    assert_eq!(answer.protocols[0].ip_version, Some(Family::V6));
    assert_eq!(answer.unknown_lines, 0);
}

#[test]
fn of_a_name_that_comes_twice_the_later_one_counts() {
    let block = |name: &str, state: &str| {
        format!("1002-{name} BGP master {state} 08:00:00\n1006-  Preference: 1\n{BODY}")
    };
    let text = [block("a", "stop"), block("b", "up"), block("a", "start")].concat();
    let answer = read(&text).unwrap();
    let names: Vec<_> = answer
        .sessions
        .iter()
        .map(|s| (s.name.as_str(), s.state))
        .collect();
    assert_eq!(
        names,
        [("b", ProtocolState::Up), ("a", ProtocolState::Start)]
    );
    assert_eq!(answer.unknown_lines, 1);
}

#[test]
fn wide_columns_and_long_names() {
    let name = "Mesh_fd00_0000_0000_0000_0000_0000_0000_0001_port_1790";
    let text = format!(
        "1002-{name} BGP master up 2026-11-21 08:00:00 Established\n1006-  Preference: 1\n{}",
        BODY.replace("10.0.0.2", "fd00::1%eth0 onlink")
    );
    let session = read(&text).unwrap().sessions.remove(0);
    assert_eq!(session.name, name);
    assert_eq!(session.neighbor.to_string(), "fd00::1");
    assert!(matches!(session.since, Some(Since::At(_))));
}

#[test]
fn counters_of_both_widths_are_summed() {
    let session = one(&format!(
        "{BODY}   Channel ipv4\n     Routes:         1 imported, 2 filtered, 3 exported, 4 preferred\n       \
         Import updates:              1          2          3          4          5          6          7\n   \
         Channel ipv6\n     Routes:         10 imported, 30 exported, 40 preferred\n       \
         Import updates:             10        ---         30         40         50\n       \
         Import withdraws:           10        ---\n"
    ));
    let routes = session.routes.unwrap();
    assert_eq!((routes.imported, routes.filtered), (Some(11), Some(2)));
    assert_eq!((routes.exported, routes.preferred), (Some(33), Some(44)));
    assert_eq!(
        session.updates.as_deref().unwrap().import_updates,
        UpdateCounts {
            received: Some(11),
            rejected: Some(2),
            filtered: Some(33),
            ignored: Some(4 + 5 + 6 + 40),
            accepted: Some(57),
        }
    );
}

/// What one channel says is not the protocol's count while the other's cannot be read.
#[test]
fn a_garbled_channel_leaves_no_partial_sum() {
    let channels = |second: &str, row: &str| {
        one(&format!(
            "{BODY}   Channel ipv4\n     Routes:         1 imported, 3 exported, 4 preferred\n       \
             Import updates:              1          2          3          4          5\n       \
             Export updates:              6          0          0          0          6\n   \
             Channel ipv6\n     Routes:         {second}\n       \
             Import updates:   {row}\n"
        ))
    };
    for garbled in ["x imported, 1 exported", "1 imported, 2", "1 smuggled"] {
        assert_eq!(channels(garbled, "1 2 3 4 5").routes, None, "{garbled}");
    }
    for garbled in ["1 2 3", "1 2 3 4 x", "1 2 3 4 5 6"] {
        let session = channels("1 imported, 1 exported, 1 preferred", garbled);
        let updates = session.updates.as_deref().unwrap();
        assert_eq!(updates.import_updates, UpdateCounts::default(), "{garbled}");
        assert_eq!(updates.export_updates.accepted, Some(6));
        assert_eq!(session.routes.unwrap().imported, Some(2));
    }
}

/// BIRD 1.6 subtracts below zero.
#[test]
fn impossible_counts_are_absent() {
    let session = one(&format!(
        "   Routes:         4294967295 imported, 3 exported, 4294967290 preferred\n     \
         Import updates:     4294967295          0          0          0          5\n{BODY}"
    ));
    assert_eq!(
        session.routes,
        Some(RouteCounts {
            exported: Some(3),
            ..RouteCounts::default()
        })
    );
    assert_eq!(
        session.updates.as_deref().unwrap().import_updates.received,
        None
    );
}

#[test]
fn an_import_filter_that_leaves_nothing() {
    let filtered = |routes: &str, row: &str| {
        let text = format!("   Routes: {routes}\n     Import updates: {row}\n{BODY}");
        one(&text).import_filtered
    };
    let none = "0 imported, 1 exported, 0 preferred";
    assert_eq!(filtered(none, "3 0 3 0 0"), Some(3));
    // The filter was added while the session was up, and what had been accepted is gone.
    assert_eq!(filtered(none, "2 0 1 0 1"), Some(1));
    // It announces nothing; it withdrew what it had announced; some of it is kept.
    assert_eq!(filtered(none, "0 0 0 0 0"), None);
    assert_eq!(filtered(none, "3 0 0 0 3"), None);
    let some = "2 imported, 1 exported, 2 preferred";
    assert_eq!(filtered(some, "5 0 3 0 2"), None);
    assert_eq!(filtered(none, "3 0 x 0 0"), None);
}

#[test]
fn names_that_are_no_text_stay_two() {
    let mut protocols = Protocols::new(false);
    for byte in [0xfe, 0xff] {
        let mut row = b"Mesh_a".to_vec();
        row.push(byte);
        row.extend(b" BGP master up 08:00:00 Established");
        protocols.line(1002, &row);
        protocols.line(1006, b"  BGP state:          Established");
        protocols.line(1006, b"    Neighbor address: 10.0.0.2");
    }
    let answer = protocols.finish().unwrap();
    let names: Vec<&str> = answer.sessions.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["Mesh_a\\xfe", "Mesh_a\\xff"]);
    assert_eq!(answer.unknown_lines, 0);
}

/// The second answer, read after the first, and how many of its blocks are parsed.
fn repeated(first: &str, second: &str) -> (Answer, usize) {
    let feed = |protocols: &mut Protocols, text: &str| {
        let lines = text.lines().map(str::as_bytes);
        lines.for_each(|line| match line.strip_prefix(b"1002-") {
            Some(row) => protocols.line(1002, row),
            None => protocols.line(1006, line),
        });
    };
    let mut protocols = Protocols::new(true);
    feed(&mut protocols, first);
    let (_, blocks) = protocols.finish_and_keep().unwrap();
    let mut protocols = Protocols::after(blocks, true);
    let mut parsed = 0;
    for block in second.split_inclusive("\n\n") {
        feed(&mut protocols, block);
        parsed += usize::from(matches!(protocols.current, Current::New(_)));
    }
    let mut alone = Protocols::new(true);
    feed(&mut alone, second);
    let answer = protocols.finish().unwrap();
    assert_eq!(Ok(&answer), alone.finish().as_ref());
    (answer, parsed)
}

#[test]
fn a_block_that_is_repeated_is_not_parsed_again() {
    let block = |name: &str, state: &str, timer: u32, imported: u32| {
        format!(
            "1002-{name} BGP master {state} 08:00:00 Established\n  Routes: {imported} imported, 1 exported, 1 preferred\n  \
             BGP state: Established\n    Neighbor address: 10.0.0.2\n    Hold timer: {timer}/240\n\n"
        )
    };
    let first = block("a", "up", 3, 1) + &block("b", "up", 2, 1);
    assert_eq!(repeated(&first, &first).1, 0);
    // The timers alone are others.
    let timers = block("a", "up", 200, 1) + &block("b", "up", 1, 1);
    assert_eq!(repeated(&first, &timers).1, 0);
    // One row is another; one line in the middle is.
    let row = block("a", "start", 3, 1) + &block("b", "up", 2, 1);
    assert_eq!(repeated(&first, &row).1, 1);
    let (answer, parsed) = repeated(&first, &(block("a", "up", 3, 1) + &block("b", "up", 2, 7)));
    assert_eq!(parsed, 1);
    assert_eq!(answer.sessions[1].routes.unwrap().imported, Some(7));
    // A block less, a block more, and one that ends early.
    assert_eq!(repeated(&first, &block("b", "up", 2, 1)).1, 1);
    assert_eq!(
        repeated(&first, &(first.clone() + &block("c", "up", 2, 1))).1,
        1
    );
    let cut = "1002-a BGP master up 08:00:00 Established\n  Routes: 1 imported, 1 exported, 1 preferred\n  \
               BGP state: Established\n    Neighbor address: 10.0.0.2\n";
    assert_eq!(repeated(&first, cut).0.sessions.len(), 1);
}

#[test]
fn a_timer_of_another_name_is_another_line() {
    let block = |line: &str| {
        format!(
            "1002-a BGP master start 08:00:00 Active\n  BGP state: Active\n    Neighbor address: 10.0.0.2\n    {line}\n"
        )
    };
    let error = block("Last error: Socket: No route to host");
    let (answer, parsed) = repeated(&block("Connect delay: 3/5"), &error);
    assert_eq!(parsed, 1);
    assert!(answer.sessions[0].last_error.is_some());
    let (answer, _) = repeated(&block("Hold timer: 3/5"), &block("Hold timber: 3/5"));
    assert_eq!(answer.unknown_lines, 1);
}

#[test]
fn what_is_kept_is_bounded() {
    let kept = |rows: usize, details: usize| {
        let mut protocols = Protocols::new(false);
        for number in 0..rows {
            let row = format!("p{number} Static master up 08:00:00 {}", "x".repeat(220));
            protocols.line(1002, row.as_bytes());
            (0..details).for_each(|_| protocols.line(1006, b"  Preference: 100"));
        }
        let (answer, blocks) = protocols.finish_and_keep().unwrap();
        assert_eq!(answer.protocols.len(), rows);
        let lengths = blocks.into_iter().map(|block| block.length());
        lengths.sum::<usize>()
    };
    assert!((1 << 20..=4 << 20).contains(&kept(10_000, 1)));
    // Too many, and one that is too long.
    assert_eq!(kept(MAX_PROTOCOLS, 1), 0);
    assert_eq!(kept(1, 10_000), 0);
}

#[test]
fn own_as_of_bird_1() {
    let session = |name: &str, asn: u32, kind: &str| {
        format!(
            "1002-{name} BGP master up 08:00:00\n1006-  BGP state: Active\n     Neighbor address: 10.0.0.2\n     Neighbor AS: {asn}\n{kind}"
        )
    };
    let text = [
        session("Mesh_1", 64512, "     Session: internal multihop\n"),
        // The AS of one session is not another's: `localASNumber`, or an AS per node.
        session("Global_1", 65001, "     Session: external\n"),
        session("Mesh_2", 64512, ""),
        session("Node_1", 65001, "     Local AS: 65001\n"),
        session("Node_2", 65001, "     Local AS: 65002\n"),
    ];
    let answer = read(&text.concat()).unwrap();
    let own: Vec<_> = answer
        .sessions
        .iter()
        .map(|s| (s.local_as, s.internal))
        .collect();
    assert_eq!(
        own,
        [
            (Some(64512), Some(true)),
            (None, Some(false)),
            (None, None),
            (Some(65001), Some(true)),
            (Some(65002), Some(false)),
        ]
    );
}
#[test]
fn kinds_of_sessions() {
    use block::peer_type;
    assert_eq!(peer_type("Mesh_10_0_0_1"), PeerType::Mesh);
    assert_eq!(peer_type("Node_10_0_0_1_port_1790"), PeerType::Node);
    assert_eq!(peer_type("Global_fd00__1"), PeerType::Global);
    assert_eq!(
        peer_type("Local_Workload_10_0_0_1"),
        PeerType::LocalWorkload
    );
    assert_eq!(peer_type("Meshed"), PeerType::Other);
    assert_eq!(peer_type("bgp1"), PeerType::Other);
}
