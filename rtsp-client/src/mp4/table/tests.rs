use super::*;

fn full_box(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&(12 + 4 * words.len() as u32).to_be_bytes());
    out.extend_from_slice(kind);
    out.extend_from_slice(&[0; 4]);
    words
        .iter()
        .for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
    out
}

fn stbl(boxes: &[Vec<u8>]) -> Result<SampleTable, Error> {
    SampleTable::decode(&boxes.concat())
}

/// Six samples of sizes 1 to 6 in three chunks of 3, 1 and 2.
fn small() -> SampleTable {
    stbl(&[
        full_box(b"stsz", &[0, 6, 1, 2, 3, 4, 5, 6]),
        full_box(b"stts", &[2, 4, 10, 2, 20]),
        full_box(b"stsc", &[3, 1, 3, 1, 2, 1, 1, 3, 2, 1]),
        full_box(b"stco", &[3, 1000, 2000, 3000]),
        full_box(b"stss", &[2, 1, 5]),
        full_box(b"ctts", &[3, 1, 5, 1, 0xffff_fffb, 4, 0]),
    ])
    .unwrap()
}

#[test]
fn samples_are_found_in_their_chunks() {
    let table = small();
    let found: Vec<_> = (0..7).map(|sample| table.location(sample)).collect();
    assert_eq!(
        found,
        [
            Some((1000, 3)),
            Some((1001, 2)),
            Some((1003, 1)),
            Some((2000, 1)),
            Some((3000, 2)),
            Some((3005, 1)),
            None
        ]
    );
    assert_eq!(table.total_size(), 21);
}

#[test]
fn times_and_shifts() {
    let table = small();
    let times: Vec<_> = (0..6).map(|sample| table.decode_time(sample)).collect();
    assert_eq!(times, [0, 10, 20, 30, 40, 60]);
    assert_eq!(table.end(), 80);
    let at: Vec<_> = [0, 9, 10, 39, 40, 59, 60, 1000]
        .map(|time| table.last_at_or_before(time))
        .to_vec();
    assert_eq!(at, [0, 0, 1, 3, 4, 4, 5, 5]);
    let shifts: Vec<_> = (0..6).map(|sample| table.shift(sample)).collect();
    assert_eq!((shifts, table.min_shift()), (vec![5, -5, 0, 0, 0, 0], -5));
}

#[test]
fn random_access_points() {
    let table = small();
    let before: Vec<_> = (0..6)
        .map(|sample| table.random_access_at_or_before(sample))
        .collect();
    assert_eq!(before, [0, 0, 0, 0, 4, 4]);
    assert!(table.is_random_access(4) && !table.is_random_access(3));
}

/// Every sample has its own duration, shift and size, so that nothing can be kept in runs.
#[test]
fn dense_tables_agree_with_plain_sums() {
    let count = 1000_u32;
    let delta = |sample: u32| 900 + sample % 7;
    let size = |sample: u32| 1 + sample * 37 % 1009;
    let pairs = |value: &dyn Fn(u32) -> u32| -> Vec<u32> {
        std::iter::once(count)
            .chain((0..count).flat_map(|sample| [1, value(sample)]))
            .collect()
    };
    let mut sizes = vec![0, count];
    sizes.extend((0..count).map(size));
    let table = stbl(&[
        full_box(b"stsz", &sizes),
        full_box(b"stts", &pairs(&delta)),
        full_box(b"stsc", &[1, 1, 7, 1]),
        full_box(
            b"stco",
            &std::iter::once(143)
                .chain((0..143).map(|chunk| chunk * 100_000))
                .collect::<Vec<_>>(),
        ),
        full_box(b"ctts", &pairs(&|sample| sample % 3)),
    ])
    .unwrap();
    assert_eq!(table.count(), count);
    assert!(matches!(
        (&table.times, &table.shifts),
        (Times::Each(_), Shifts::Each(_))
    ));
    let (mut time, mut offset) = (0, 0);
    for sample in 0..count {
        if sample % 7 == 0 {
            offset = u64::from(sample / 7) * 100_000;
        }
        assert_eq!(table.decode_time(sample), time);
        assert_eq!(table.last_at_or_before(time), sample);
        assert_eq!(
            table.last_at_or_before(time + u64::from(delta(sample)) - 1),
            sample
        );
        assert_eq!(table.location(sample).unwrap().0, offset);
        assert_eq!(table.shift(sample), (sample % 3) as i32);
        time += u64::from(delta(sample));
        offset += u64::from(size(sample));
    }
    assert!(
        table.memory() < 24 * count as usize,
        "{} bytes",
        table.memory()
    );
}

#[test]
fn counts_that_disagree_are_cut_to_the_least() {
    let table = stbl(&[
        full_box(b"stsz", &[7, u32::MAX]),
        full_box(b"stts", &[2, u32::MAX, 1, u32::MAX, 1]),
        full_box(b"stsc", &[1, 1, 10, 1]),
        full_box(b"stco", &[1, 50]),
    ])
    .unwrap();
    assert_eq!(table.count(), 10);
    assert_eq!(table.location(9), Some((50 + 63, 1)));
    assert_eq!(table.location(10), None);
}

#[test]
fn hostile_tables_are_refused_or_harmless() {
    let good = [
        full_box(b"stsz", &[0, 2, 1, 2]),
        full_box(b"stts", &[1, 2, 10]),
        full_box(b"stsc", &[1, 1, 2, 1]),
        full_box(b"stco", &[1, 1000]),
    ];
    let with = |index: usize, bad: Vec<u8>| {
        let mut boxes = good.clone();
        boxes[index] = bad;
        stbl(&boxes)
    };
    assert!(stbl(&good).is_ok());
    for (index, bad) in [
        (0, full_box(b"stsz", &[0, u32::MAX, 1])),
        (0, full_box(b"stz2", &[5, 1, 1])),
        (0, full_box(b"stz2", &[4, u32::MAX, 1])),
        (0, full_box(b"free", &[])),
        (1, full_box(b"stts", &[3, 1, 1])),
        (2, full_box(b"stsc", &[1, 0, 1, 1])),
        (2, full_box(b"stsc", &[1, 2, 1, 1])),
        (2, full_box(b"stsc", &[3, 1, 1, 1, 9, 1, 1, 3, 1, 1])),
        (3, full_box(b"co64", &[1, 1])),
    ] {
        assert!(
            matches!(with(index, bad.clone()), Err(Error::Malformed { .. })),
            "{bad:?}"
        );
    }
    let wide = with(2, full_box(b"stsc", &[1, 1, u32::MAX, 1])).unwrap();
    assert_eq!((wide.count(), wide.location(1)), (2, Some((1001, 1))));
    let still = with(1, full_box(b"stts", &[1, 2, 0])).unwrap();
    assert_eq!((still.end(), still.last_at_or_before(5)), (0, 1));
    let overflow = with(3, [full_box(b"co64", &[1, u32::MAX, u32::MAX])].concat()).unwrap();
    assert_eq!(overflow.location(1), None);
}

#[test]
fn compact_sizes() {
    for (width, words) in [(4, 0x1230_0000), (8, 0x0102_0300)] {
        let table = stbl(&[
            full_box(b"stz2", &[width, 3, words]),
            full_box(b"stts", &[1, 3, 10]),
            full_box(b"stsc", &[1, 1, 3, 1]),
            full_box(b"stco", &[1, 0]),
        ])
        .unwrap();
        assert_eq!(
            (0..3).map(|sample| table.size(sample)).collect::<Vec<_>>(),
            [1, 2, 3]
        );
    }
}
