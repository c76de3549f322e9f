//! The keys of a stream, and its batches sealed with them.
//!
//! Every media has one key for all its readers, so a batch is sealed once on each shard that has such readers, however many they are. Whoever
//! reads with that key could forge packets to the others who do; nobody else can, and no reader can forge to the server.

use std::{
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::BytesMut;
use rtsp_session::{
    random::Random,
    srtp::{Keys, MasterKey, SealError, Suite},
};

use super::{
    batch::{Batch, Kind, MediaSet},
    own::Own,
};

/// The keys of one stream: fresh for every publisher, made when the first reader asks for them.
#[derive(Debug, Default)]
pub(crate) struct Secured(OnceLock<Box<[MediaKey]>>);

/// What one media is sealed with.
#[derive(Debug)]
pub(crate) struct MediaKey {
    pub(crate) master: MasterKey,
    keys: Keys,
    /// The index of the next compound, from whatever shard.
    compounds: AtomicU32,
}

impl Secured {
    /// The keys of `count` media, made now if there are none yet.
    pub(crate) fn keys(&self, count: usize, random: &mut Random) -> &[MediaKey] {
        self.0.get_or_init(|| {
            let fresh = |_| {
                let master = MasterKey::generate(Suite::default(), random);
                let keys = Keys::derive(&master);
                MediaKey {
                    master,
                    keys,
                    compounds: AtomicU32::new(0),
                }
            };
            (0..count).map(fresh).collect()
        })
    }

    /// Whether keys were made, for so many media.
    pub(crate) fn is_for(&self, count: usize) -> bool {
        self.0.get().is_some_and(|keys| keys.len() == count)
    }

    /// Appends a packet to `out`, sealed. RTP goes by how often it has rolled over, compounds are numbered here.
    pub(crate) fn seal(
        &self,
        (media, kind): (u8, Kind),
        roc: u32,
        packet: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), SealError> {
        let keys = self.0.get().and_then(|all| all.get(usize::from(media)));
        let key = keys.ok_or(SealError::KeyExpired)?;
        match kind {
            Kind::Rtp => key.keys.seal_rtp(roc, packet, out),
            Kind::Rtcp => {
                let index = key.compounds.fetch_add(1, Ordering::Relaxed);
                if index >= 1 << 31 {
                    // It must not come round to the first one again.
                    key.compounds.store(1 << 31, Ordering::Relaxed);
                }
                key.keys.seal_rtcp(index, packet, out)
            }
        }
    }
}

/// What the packets of a reader are sealed with.
#[derive(Clone, Debug)]
pub(crate) enum Sealing {
    /// The keys of its stream, which readers share.
    Stream(Arc<Secured>),
    /// Keys of its own.
    Own(Rc<Own>),
}

impl Sealing {
    /// Appends a compound to `out`, sealed.
    pub(crate) fn seal_rtcp(
        &self,
        media: u8,
        compound: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), SealError> {
        let of = (media, Kind::Rtcp);
        match self {
            Self::Stream(secured) => secured.seal(of, 0, compound, out),
            Self::Own(own) => own.seal(of, 0, compound, out),
        }
    }
}

/// A batch as it goes to readers of SRTP: entry by entry the same, sealed.
pub(super) fn seal(batch: &Batch, secured: &Secured) -> Arc<Batch> {
    Arc::new(batch.map(|entry, packet, out| {
        let sealed = secured.seal((entry.media, entry.kind), entry.roc, packet, out);
        if let Err(error) = sealed {
            tracing::error!(media = entry.media, %error, "a packet cannot be sealed: it is left out");
        }
    }))
}

/// A batch as it goes to one reader: entries of other media than it gets are empty.
pub(super) fn seal_own(batch: &Batch, own: &Own, media: MediaSet) -> Arc<Batch> {
    Arc::new(batch.map(|entry, packet, out| {
        if media.contains(entry.media)
            && let Err(error) = own.seal((entry.media, entry.kind), entry.roc, packet, out)
        {
            tracing::warn!(media = entry.media, %error, "a packet cannot be sealed: it is left out");
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::batch::{BatchBuilder, Mark};
    use super::*;

    #[test]
    fn compounds_end_with_the_last_index_and_never_begin_again() {
        let secured = Secured::default();
        let random = &mut Random::from_seed([4; 32]);
        let next = &secured.keys(1, random)[0].compounds;
        let compound = [0x80, 201, 0, 1, 0, 0, 0, 7];
        let seal = || secured.seal((0, Kind::Rtcp), 0, &compound, &mut BytesMut::new());
        next.store((1 << 31) - 1, Ordering::Relaxed);
        assert_eq!(seal(), Ok(()));
        for _ in 0..3 {
            assert_eq!(seal(), Err(SealError::KeyExpired));
        }
        // However many shards were refused at one moment.
        next.store(u32::MAX, Ordering::Relaxed);
        for _ in 0..3 {
            assert_eq!(seal(), Err(SealError::KeyExpired));
        }
    }

    #[test]
    fn a_sealed_batch_has_the_same_entries_and_is_the_same_wherever_it_is_sealed() {
        let secured = Secured::default();
        let random = &mut Random::from_seed([4; 32]);
        let master = secured.keys(2, random)[1].master.clone();
        assert_eq!(
            secured.keys(2, random)[1].master.key(),
            master.key(),
            "made once"
        );
        let mut builder = BatchBuilder::default();
        let packet = |sequence: u8| [0x80, 96, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3];
        for sequence in [1, 2] {
            let mark = Mark {
                kind: Kind::Rtp,
                sequence: sequence.into(),
                roc: 3,
                ..Mark::rtcp(1)
            };
            assert!(builder.push_copy(mark, 2, &packet(sequence)));
        }
        let batch = builder.finish(Instant::now()).unwrap();
        let (sealed, again) = (seal(&batch, &secured), seal(&batch, &secured));
        let mut opened = BytesMut::new();
        let mut receiver = rtsp_session::srtp::Receiver::new(&master);
        receiver.expect(7, 3);
        for (at, entry) in sealed.entries().iter().enumerate() {
            assert_eq!(
                sealed.packet(entry),
                again.packet(&again.entries()[at]),
                "one index, one packet"
            );
            assert_eq!(sealed.stored_channel(entry), Some(2));
            receiver
                .open_rtp(sealed.packet(entry), &mut opened)
                .unwrap();
        }
        assert_eq!(opened, [packet(1), packet(2)].concat());
    }
}
