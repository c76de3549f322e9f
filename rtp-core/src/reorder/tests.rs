use alloc::{vec, vec::Vec};

use super::*;
use crate::testing::Xorshift;

const T0: Duration = Duration::ZERO;

fn config(max_packets: usize) -> ReorderConfig {
    ReorderConfig {
        max_packets,
        max_delay: Duration::from_millis(50),
    }
}

fn drain(reorder: &mut Reorder<u16>, now: Duration) -> Vec<Reordered<u16>> {
    core::iter::from_fn(|| reorder.pop(now)).collect()
}

fn item(sequence: u16) -> Reordered<u16> {
    Reordered::Item(sequence)
}

#[test]
fn in_order_goes_through_at_once_and_holds_no_memory() {
    let mut reorder = Reorder::new(config(8));
    for n in 0..200_000_u32 {
        let sequence = (n + 65_000) as u16;
        assert_eq!(reorder.push(T0, sequence, sequence), Push::Accepted);
        assert_eq!(reorder.pop(T0), Some(item(sequence)));
        assert_eq!(reorder.pop(T0), None);
        assert_eq!(reorder.next_deadline(), None);
    }
    assert_eq!(reorder.held.capacity(), 0);
    assert_eq!(reorder.counters(), ReorderCounters::default());
}

#[test]
fn swapped_packets_come_out_in_order_over_the_wrap() {
    let mut reorder = Reorder::new(config(8));
    for sequence in [65_534, 0, 65_535, 2, 1] {
        assert_eq!(reorder.push(T0, sequence, sequence), Push::Accepted);
    }
    assert_eq!(drain(&mut reorder, T0), [65_534, 65_535, 0, 1, 2].map(item));
    assert_eq!(reorder.counters().lost, 0);
    assert_eq!(reorder.counters().reordered, 2);
}

#[test]
fn a_gap_is_given_up_at_its_deadline_not_before() {
    let mut reorder = Reorder::new(config(8));
    reorder.push(T0, 1, 1);
    assert_eq!(drain(&mut reorder, T0), [item(1)]);
    let at = Duration::from_millis(10);
    reorder.push(at, 4, 4);
    reorder.push(at * 2, 3, 3);
    assert_eq!(reorder.next_deadline(), Some(Duration::from_millis(60)));
    assert_eq!(drain(&mut reorder, Duration::from_millis(59)), []);
    let lost = Reordered::Lost { first: 2, count: 1 };
    assert_eq!(
        drain(&mut reorder, Duration::from_millis(60)),
        [lost, item(3), item(4)]
    );
    assert_eq!(reorder.push(at, 2, 2), Push::TooLate);
    assert_eq!(reorder.push(at, 3, 3), Push::Duplicate);
    assert_eq!(reorder.next_deadline(), None);
}

#[test]
fn a_second_gap_keeps_its_own_clock() {
    let mut reorder = Reorder::new(config(8));
    reorder.push(T0, 1, 1);
    drain(&mut reorder, T0);
    reorder.push(Duration::from_millis(10), 3, 3);
    reorder.push(Duration::from_millis(40), 5, 5);
    let lost = Reordered::Lost { first: 2, count: 1 };
    assert_eq!(
        drain(&mut reorder, Duration::from_millis(60)),
        [lost, item(3)]
    );
    assert_eq!(reorder.next_deadline(), Some(Duration::from_millis(90)));
    reorder.push(Duration::from_millis(70), 4, 4);
    assert_eq!(
        drain(&mut reorder, Duration::from_millis(70)),
        [item(4), item(5)]
    );
}

#[test]
fn too_many_waiting_give_the_gap_up() {
    let mut reorder = Reorder::new(config(3));
    reorder.push(T0, 1, 1);
    drain(&mut reorder, T0);
    for sequence in 3..=5 {
        reorder.push(T0, sequence, sequence);
        assert_eq!(drain(&mut reorder, T0), []);
    }
    reorder.push(T0, 6, 6);
    let lost = Reordered::Lost { first: 2, count: 1 };
    assert_eq!(
        drain(&mut reorder, T0),
        [lost, item(3), item(4), item(5), item(6)]
    );
}

#[test]
fn without_a_window_loss_shows_at_once() {
    let mut reorder = Reorder::new(ReorderConfig {
        max_packets: 0,
        max_delay: T0,
    });
    reorder.push(T0, 1, 1);
    reorder.push(T0, 2999, 2999);
    let lost = Reordered::Lost {
        first: 2,
        count: 2997,
    };
    assert_eq!(drain(&mut reorder, T0), [item(1), lost, item(2999)]);
}

#[test]
fn one_stray_packet_is_dropped_two_in_a_row_are_a_restart() {
    let mut reorder = Reorder::new(config(8));
    reorder.push(T0, 100, 100);
    assert_eq!(reorder.push(T0, 40_000, 40_000), Push::Suspect);
    assert_eq!(reorder.push(T0, 101, 101), Push::Accepted);
    assert_eq!(drain(&mut reorder, T0), [item(100), item(101)]);
    assert_eq!(reorder.counters().refused, 1);

    assert_eq!(reorder.push(T0, 40_000, 40_000), Push::Suspect);
    assert_eq!(reorder.push(T0, 40_001, 40_001), Push::Accepted);
    assert_eq!(drain(&mut reorder, T0), [item(40_000), item(40_001)]);
    assert_eq!(reorder.push(T0, 40_002, 40_002), Push::Accepted);
    assert_eq!(
        reorder.push(T0, 102, 102),
        Push::Suspect,
        "the old numbers are the stray ones now"
    );
    assert_eq!(reorder.push(T0, 39_999, 39_999), Push::TooLate);
    assert_eq!(drain(&mut reorder, T0), [item(40_002)]);
    assert_eq!(
        (reorder.counters().restarts, reorder.counters().lost),
        (1, 0)
    );
}

#[test]
fn a_restart_does_not_wait_for_the_old_gap() {
    let mut reorder = Reorder::new(config(8));
    for sequence in [10, 12, 30_000, 30_001, 30_002] {
        reorder.push(T0, sequence, sequence);
    }
    let lost = Reordered::Lost {
        first: 11,
        count: 1,
    };
    assert_eq!(
        drain(&mut reorder, T0),
        [
            item(10),
            lost,
            item(12),
            item(30_000),
            item(30_001),
            item(30_002)
        ]
    );
}

#[test]
fn flush_lets_everything_out() {
    let mut reorder = Reorder::new(config(8));
    for sequence in [1, 3, 5] {
        reorder.push(T0, sequence, sequence);
    }
    reorder.flush();
    let gap = |first| Reordered::Lost { first, count: 1 };
    assert_eq!(
        drain(&mut reorder, T0),
        [item(1), gap(2), item(3), gap(4), item(5)]
    );
    assert!(reorder.is_empty());
}

#[test]
fn memory_is_bounded_without_a_pop() {
    let mut reorder = Reorder::new(config(4));
    let outcomes: Vec<Push> = (0..3000).map(|n| reorder.push(T0, n, n)).collect();
    assert!(reorder.len() <= 4 + 1024 + 1);
    assert!(outcomes.contains(&Push::Full));
}

/// Whatever arrives: each packet comes out at most once, in order, and every number is either out or lost.
#[test]
fn random_networks_keep_the_account() {
    let mut random = Xorshift::new(7);
    for _ in 0..300 {
        let window = 1 + random.below(40);
        let mut reorder = Reorder::new(config(window));
        let start = random.next() as u16;
        let mut wire: Vec<(usize, u16)> = Vec::new();
        for n in 0..400_usize {
            let sequence = start.wrapping_add(n as u16);
            if n > 0 && random.chance(5) {
                continue;
            }
            let delay = if random.chance(10) {
                random.below(60)
            } else {
                0
            };
            wire.push((n + if n == 0 { 0 } else { delay }, sequence));
            if random.chance(3) {
                wire.push((n + random.below(80), sequence));
            }
        }
        wire.sort_by_key(|&(at, _)| at);
        let mut expected = start;
        let mut check = |out: Vec<Reordered<u16>>| {
            for event in out {
                let (first, count) = match event {
                    Reordered::Item(sequence) => (sequence, 1),
                    Reordered::Lost { first, count } => (first, count),
                };
                assert_eq!(first, expected);
                assert!(count > 0);
                expected = expected.wrapping_add(count);
            }
        };
        for (at, sequence) in wire {
            let now = Duration::from_millis(at as u64);
            reorder.push(now, sequence, sequence);
            assert!(reorder.len() <= window + 2);
            check(drain(&mut reorder, now));
            assert!(
                reorder
                    .next_deadline()
                    .is_none_or(|deadline| deadline > now)
            );
        }
        reorder.flush();
        check(drain(&mut reorder, T0));
        assert!(reorder.is_empty());
    }
}

#[test]
fn any_numbers_at_all_neither_panic_nor_get_stuck() {
    let mut random = Xorshift::new(9);
    for _ in 0..100 {
        let mut reorder = Reorder::new(config(random.below(10)));
        let mut base = 0_u16;
        let mut out = vec![];
        for n in 0..2000_u64 {
            if random.chance(2) {
                base = random.next() as u16;
            }
            base = base.wrapping_add(1);
            let sequence = if random.chance(10) {
                random.next() as u16
            } else {
                base
            };
            let now = Duration::from_millis(n);
            reorder.push(now, sequence, sequence);
            out.extend(drain(&mut reorder, now));
        }
        let items = out
            .iter()
            .filter(|event| matches!(event, Reordered::Item(_)))
            .count();
        assert!(items > 500, "{items}");
    }
}
