//! What is said of a pod CIDR, against what the kernel says of a packet: `ip route get fibmatch` over random tables and
//! rules. `ROUTE_CHOICE_TABLES` sets the number of tables of each family.

pub mod said;
pub mod tables;
pub mod truth;

use crate::kernel_netns::net::{ip, kernel, run};
use said::Said;
use std::collections::BTreeMap;
use tables::{Dice, Family, V4, V6};

/// Tables of each family where nothing else is wanted.
const TABLES: u64 = 120;

fn agree(family: &'static Family) {
    let tables = std::env::var("ROUTE_CHOICE_TABLES").map_or(TABLES, |text| text.parse().unwrap());
    run(|| async move {
        ip(family.devices());
        let mut kernel = kernel();
        let mut verdicts: BTreeMap<String, u64> = BTreeMap::new();
        for table in 0..tables {
            let mut dice = Dice::new(table, family.flag);
            let commands = family.table(&mut dice);
            let cidrs = family.cidrs(&mut dice);
            let said: Vec<Said> = said::ask(&mut kernel, &cidrs).await;
            let truth = truth::ask(family, &said);
            for (said, truth) in said.iter().zip(truth) {
                let words = format!("{:?}", said.absent);
                *verdicts.entry(words).or_default() += 1;
                assert_eq!(
                    (said.absent, &said.route),
                    (truth.absent, &truth.route),
                    "table {table}: {said:?}\n{truth:#?}\n{commands}"
                );
            }
        }
        println!("{tables} tables: {verdicts:?}");
        assert!(
            verdicts.len() >= 7,
            "some verdicts never occur: {verdicts:?}"
        );
    });
}

#[test]
fn ipv4_agrees_with_the_kernel() {
    agree(&V4);
}

#[test]
fn ipv6_agrees_with_the_kernel() {
    agree(&V6);
}
