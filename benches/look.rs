//! The two parts of a look that grow with the sessions: reading BIRD's answer and writing the exposition.
#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use calico_bgp_exporter::bird::show_protocols::Blocks;
use calico_bgp_exporter::metrics::Format;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

mod sample;

fn parser(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for sessions in [10, 100, 1000] {
        let answer = sample::answer(sessions);
        group.throughput(Throughput::Bytes(answer.len() as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(sessions),
            &answer,
            |b, answer| {
                b.iter(|| sample::parse(black_box(answer), Blocks::default()));
            },
        );
    }
}

fn encoder(criterion: &mut Criterion) {
    for (name, format) in [("text", Format::Text), ("openmetrics", Format::OpenMetrics)] {
        let mut group = criterion.benchmark_group(format!("encode-{name}"));
        for sessions in [10, 100, 1000] {
            let snapshot = sample::snapshot(sessions);
            let bytes = sample::encode(&mut sample::renderer(), &snapshot, format);
            group.throughput(Throughput::Bytes(bytes as u64));
            group.bench_with_input(
                BenchmarkId::from_parameter(sessions),
                &snapshot,
                |b, snapshot| {
                    b.iter(|| sample::encode(&mut sample::renderer(), black_box(snapshot), format));
                },
            );
        }
    }
}

criterion_group!(look, parser, encoder);
criterion_main!(look);
