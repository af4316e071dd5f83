//! `instructions JOB TIMES`: does a job that often. Run twice under callgrind, the difference is what the job costs.
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use calico_bgp_exporter::bird::show_protocols::Blocks;
use calico_bgp_exporter::metrics::Format;
use std::hint::black_box;
use std::process::ExitCode;

#[path = "../../benches/sample/mod.rs"]
mod sample;

const SESSIONS: usize = 100;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, job, times] = &arguments[..] else {
        return ExitCode::FAILURE;
    };
    let answer = sample::answer(SESSIONS);
    let snapshot = sample::snapshot(SESSIONS);
    let (_, mut blocks) = sample::parse(&answer, Blocks::default());
    let mut known = sample::renderer();
    sample::encode(&mut known, &snapshot, Format::Text);
    let anew = |format| {
        black_box(sample::encode(
            &mut sample::renderer(),
            black_box(&snapshot),
            format,
        ));
    };
    for _ in 0..times.parse().unwrap_or(0) {
        match job.as_str() {
            "parse" => drop(black_box(sample::parse(
                black_box(&answer),
                Blocks::default(),
            ))),
            // BIRD says what it said at the look before.
            "parse-unchanged" => {
                (_, blocks) = black_box(sample::parse(black_box(&answer), blocks));
            }
            "encode-text" => anew(Format::Text),
            "encode-openmetrics" => anew(Format::OpenMetrics),
            // The sessions say what they said at the look before.
            "encode-unchanged" => {
                black_box(sample::encode(
                    &mut known,
                    black_box(&snapshot),
                    Format::Text,
                ));
            }
            _ => return ExitCode::FAILURE,
        }
    }
    ExitCode::SUCCESS
}
