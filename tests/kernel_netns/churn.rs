//! Changes beside the looks.

use super::net::{assert_same, ip, ip_beside, kernel, run, settle, uplink};
use calico_bgp_exporter::netlink::Kernel;
use std::fmt::Write;
use std::process::Child;
use std::time::Duration;

/// Looks as the daemon does until the commands are through; says how often.
async fn look_beside(kernel: &mut Kernel, mut child: Child) -> u32 {
    let mut looks = 0;
    loop {
        let _ = tokio::time::timeout(Duration::from_millis(50), kernel.notified()).await;
        kernel.sync().await;
        looks += 1;
        assert!(kernel.routes().is_ok(), "{:?}", kernel.routes());
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return looks;
        }
    }
}

/// So many changes of 5,000 destinations of both families: each is added, replaced and deleted in turn.
fn churn(count: usize) -> String {
    let word = ["add", "replace", "del"];
    (0..count).fold(String::new(), |mut lines, i| {
        let (round, at) = (i / 5000, i % 5000);
        let word = word[round % 3];
        let via = |net: &str| match word {
            "del" => String::new(),
            _ => format!("via {net}{} proto bird", 2 + round % 200),
        };
        let _ = if at % 5 == 4 {
            writeln!(lines, "route {word} fd01:{at:x}::/122 {}", via("fd00::"))
        } else {
            writeln!(
                lines,
                "route {word} 100.{}.{}.0/26 {}",
                at / 250,
                at % 250,
                via("10.0.0.")
            )
        };
        lines
    })
}

#[test]
fn fifty_thousand_changes() {
    run(|| async {
        uplink();
        let mut kernel = kernel();
        settle(&mut kernel).await;
        let before: u64 = kernel.counters().route_changes.values().sum();
        let looks = look_beside(&mut kernel, ip_beside(&churn(50_000))).await;
        settle(&mut kernel).await;
        assert_same(&kernel);
        let counters = kernel.counters();
        let counted = counters.route_changes.values().sum::<u64>() - before;
        println!(
            "{looks} looks, {counted} changes counted, {} overruns, {} resyncs",
            counters.overruns, counters.resyncs
        );
        // Nothing twice; and nothing missed but what came and went while announcements were lost.
        assert!(counted <= 50_000, "{counted}");
        assert!(counters.overruns > 0 || counted == 50_000, "{counted}");
        assert_eq!(counters.undecodable, 0);
    });
}

#[test]
fn links_that_come_and_go() {
    run(|| async {
        uplink();
        let many = (0..600).fold(String::new(), |mut lines, i| {
            let _ = writeln!(lines, "link add cali{i} type veth peer name pod{i}\nlink set cali{i} up\nlink set pod{i} up");
            let _ = writeln!(lines, "route add 100.64.{}.{} dev cali{i}", i / 250, i % 250);
            if i >= 100 {
                let _ = writeln!(lines, "link del cali{}", i - 100);
            }
            lines
        });
        let mut kernel = kernel();
        kernel.sync().await;
        let looks = look_beside(&mut kernel, ip_beside(&many)).await;
        settle(&mut kernel).await;
        assert_same(&kernel);
        assert_eq!(kernel.links().unwrap().len(), 3 + 200);
        let counters = kernel.counters();
        println!(
            "{looks} looks, {} overruns, {} resyncs",
            counters.overruns, counters.resyncs
        );
    });
}

#[test]
fn a_look_that_is_dropped_at_any_point() {
    run(|| async {
        uplink();
        let many = (0..20_000).fold(String::new(), |mut lines, i| {
            let _ = writeln!(
                lines,
                "route add 100.{}.{}.0/26 via 10.0.0.2 proto bird",
                i / 250,
                i % 250
            );
            lines
        });
        ip(&many);
        let mut kernel = kernel();
        settle(&mut kernel).await;
        let before = kernel.counters().route_changes;
        let mut dropped = 0;
        for turns in 0..40 {
            // As many turns of the runtime as it takes to be somewhere else each time.
            let turn = async {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! { biased;
                () = kernel.sync() => {},
                () = turn => dropped += 1,
            }
            assert!(kernel.routes().is_ok());
        }
        assert!(dropped > 0);
        assert_eq!(kernel.counters().route_changes, before);
        kernel.sync().await;
        assert!(!kernel.needs_sync());
        assert_same(&kernel);
    });
}
