//! Taking RTSP messages off a read buffer, beside `rtsp-types`.

use bytes::BytesMut;
use criterion::Criterion;
use rtsp_msg::{Decoder, FrameRun, Leniency, Limits};

use crate::contest::{AS_FAST, Contest, Table, each, filled};
use crate::conversation::{self, FRAMES, REQUESTS, RESPONSES, ROUNDS};

fn decoder() -> Decoder {
    Decoder::new(Limits::default(), Leniency::default())
}

pub(crate) fn contests(criterion: &mut Criterion, table: &mut Table) {
    // Where bodies outlive the buffer, as they do in use, the goal is the project's own; `rtsp-types` can borrow them too.
    for (name, bytes, count, goal) in [
        (
            "requests",
            conversation::stream(&REQUESTS),
            REQUESTS.len() * ROUNDS,
            5.0,
        ),
        (
            "responses",
            conversation::stream(&RESPONSES),
            RESPONSES.len() * ROUNDS,
            5.0,
        ),
        ("frames", conversation::frames(), FRAMES, 4.0),
    ] {
        let fill = || BytesMut::from(&bytes[..]);
        let mut decoder = decoder();
        assert_eq!(conversation::trackside(&mut decoder, &mut fill()), count);
        assert_eq!(conversation::rtsp_types::<&[u8]>(&bytes), count);
        Contest::new(
            format!("RTSP, {name}"),
            count,
            filled(fill, |buffer| conversation::trackside(&mut decoder, buffer)),
        )
        .against(
            "rtsp-types",
            goal,
            filled(fill, |buffer| conversation::rtsp_types::<Vec<u8>>(buffer)),
        )
        .against(
            "rtsp-types, borrowed",
            AS_FAST,
            filled(fill, |buffer| conversation::rtsp_types::<&[u8]>(buffer)),
        )
        .run(criterion, table);
    }
    for (name, bytes, goal) in [
        ("a run of frames", conversation::frames(), 15.0),
        ("a mixed run of frames", conversation::mixed_frames(), 15.0),
    ] {
        let (mut decoder, mut run) = (decoder(), FrameRun::new());
        let mut buffer = BytesMut::from(&bytes[..]);
        Contest::new(
            format!("RTSP, {name}"),
            FRAMES,
            each(|| conversation::run(&mut decoder, &mut run, &mut buffer)),
        )
        .against(
            "rtsp-types, borrowed",
            goal,
            each(|| conversation::rtsp_types::<&[u8]>(&bytes)),
        )
        .run(criterion, table);
    }
}
