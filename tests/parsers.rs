//! The checks of the fuzz targets, on their seeds and on what chance makes of those. BIRD's text is tried harder in bird_golden.

#[path = "../fuzz/checks/mod.rs"]
mod checks;

use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let seeds = files(root().join("fuzz/seeds").join(target));
    assert!(!seeds.is_empty());
    let seeds = seeds.iter().map(|seed| std::fs::read(seed).unwrap());
    seeds.collect()
}

/// What each recorded daemon said, as the check `node` takes it: at one look, and before and after the next recording.
fn recorded_nodes() -> Vec<Vec<u8>> {
    let scenarios = files(root().join("tests/captures/calico-fork-bird"));
    let answers = |scenario: &PathBuf| {
        let answers = ["show_status", "show_protocols_all", "show_route_all"].map(|command| {
            let text = std::fs::read(scenario.join(command).with_extension("txt")).ok()?;
            // The greeting.
            let begin = text.iter().position(|byte| *byte == b'\n')? + 1;
            Some(text[begin..].to_vec())
        });
        let [Some(status), Some(protocols), routes] = answers else {
            return None;
        };
        Some([status, protocols, routes.unwrap_or_default()].join(&0))
    };
    let nodes: Vec<Vec<u8>> = scenarios.iter().filter_map(answers).collect();
    let pairs: Vec<_> = nodes.windows(2).map(|pair| pair.join(&0)).collect();
    nodes.into_iter().chain(pairs).collect()
}

/// One of the seeds with some of its bytes changed, dropped, doubled or taken from another.
fn damaged(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    damaged_of(seeds(target))
}

fn damaged_of(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let pick = (0..seeds.len(), 0..seeds.len());
    let places = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let piece = (any::<[prop::sample::Index; 3]>(), 0..64usize, 0..4u8);
    (pick, places, piece).prop_map(
        move |((one, other), places, ([at, from, to], length, how))| {
            let mut bytes = seeds[one].clone();
            for (place, byte) in places {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let begin = at.index(bytes.len());
            let end = (begin + length).min(bytes.len());
            match how {
                0 => {
                    bytes.drain(begin..end);
                }
                1 => {
                    let again = bytes[begin..end].to_vec();
                    let to = to.index(bytes.len());
                    bytes.splice(to..to, again);
                }
                2 => {
                    let from = from.index(seeds[other].len());
                    let till = (from + length).min(seeds[other].len());
                    bytes.splice(begin..end, seeds[other][from..till].iter().copied());
                }
                _ => {}
            }
            bytes
        },
    )
}

type Check = fn(&[u8]);

/// The checks by their paths in `fuzz/checks`.
macro_rules! checks {
    ($($module:ident::$check:ident),* $(,)?) => {
        [$((concat!(stringify!($module), "::", stringify!($check)), checks::$module::$check)),*]
    };
}

/// What is compiled here is all that a fuzz target has; the targets themselves need libFuzzer, and are built by `make fuzz`.
#[test]
fn a_fuzz_target_calls_its_check_and_does_nothing_else() {
    let checks: [(&str, Check); 11] = checks![
        bird::protocols,
        bird::reply,
        bird::routes,
        bird::status,
        clients::accept,
        clients::certificate,
        kernel::netlink,
        node::node,
        probe::datagram,
        settings::pod_file,
        settings::web_config,
    ];
    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    let mut unused: BTreeSet<&str> = checks.iter().map(|(path, _)| *path).collect();
    for target in files(root().join("fuzz/fuzz_targets")) {
        let name = target.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&target).unwrap();
        let check = text
            .strip_prefix(
                "#![no_main]\n\
                 #![allow(dead_code, reason = \"each target is one of the checks\")]\n\n\
                 #[path = \"../checks/mod.rs\"]\nmod checks;\n\n\
                 libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::",
            )
            .and_then(|text| text.strip_suffix("(data));\n"));
        let check = check.unwrap_or_else(|| panic!("{name}:\n{text}"));
        assert!(unused.remove(check), "{name} calls {check}");
        let bin = format!("[[bin]]\nname = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n");
        assert!(manifest.contains(&bin), "fuzz/Cargo.toml lacks {name}");
    }
    assert_eq!(unused, BTreeSet::new(), "checks without a target");
}

#[test]
fn every_seed_is_sound() {
    for (target, check) in [
        ("netlink", checks::kernel::netlink as Check),
        ("web_config", checks::settings::web_config),
        ("pod_file", checks::settings::pod_file),
        ("certificate", checks::clients::certificate),
        ("accept", checks::clients::accept),
        ("datagram", checks::probe::datagram),
    ] {
        for seed in seeds(target) {
            for end in 0..=seed.len() {
                check(&seed[..end]);
            }
        }
    }
    let scenarios = files(root().join("tests/captures/calico-fork-bird"));
    for answer in scenarios.into_iter().flat_map(files) {
        if answer
            .extension()
            .is_some_and(|extension| extension == "txt")
        {
            let bytes = std::fs::read(answer).unwrap();
            checks::bird::reply(&bytes);
            checks::bird::status(&bytes);
            checks::bird::protocols(&bytes);
            checks::bird::routes(&bytes);
        }
    }
}

#[test]
fn every_recorded_node_is_sound() {
    let nodes = recorded_nodes();
    assert!(nodes.len() > 30, "only {}", nodes.len());
    nodes.iter().for_each(|node| checks::node::node(node));
}

/// The seeds reach what they are there for.
#[test]
fn the_seeds_are_what_they_say() {
    use calico_bgp_exporter::netlink::decode;
    let messages = seeds("netlink");
    let routes = messages.iter().filter_map(|m| decode::route(m).ok()?);
    assert!(routes.filter(|found| found.route.more.is_some()).count() >= 2);
    let names = seeds("certificate");
    let most = names
        .iter()
        .filter_map(|der| calico_bgp_exporter::http::alternative_names(der));
    assert_eq!(most.map(|found| found.len()).max(), Some(5));
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

proptest! {
    #[test]
    fn node(damaged in damaged_of(recorded_nodes())) {
        checks::node::node(&damaged);
    }

    #[test]
    fn netlink(damaged in damaged("netlink"), bytes in bytes()) {
        checks::kernel::netlink(&damaged);
        checks::kernel::netlink(&bytes);
    }

    #[test]
    fn web_config(damaged in damaged("web_config"), bytes in bytes()) {
        checks::settings::web_config(&damaged);
        checks::settings::web_config(&bytes);
    }

    #[test]
    fn pod_file(damaged in damaged("pod_file"), bytes in bytes()) {
        checks::settings::pod_file(&damaged);
        checks::settings::pod_file(&bytes);
    }

    #[test]
    fn certificate(damaged in damaged("certificate"), bytes in bytes()) {
        checks::clients::certificate(&damaged);
        checks::clients::certificate(&bytes);
    }

    #[test]
    fn datagram(damaged in damaged("datagram"), bytes in bytes()) {
        checks::probe::datagram(&damaged);
        checks::probe::datagram(&bytes);
    }

    #[test]
    fn accept(damaged in damaged("accept"), bytes in bytes()) {
        checks::clients::accept(&damaged);
        checks::clients::accept(&bytes);
    }
}
